// Package ui is the page: Vugu components over one state.
//
// App holds everything that is shown; its methods are what a person can do.
// It reaches the engine by rpc and the browser through Page, so the whole of
// it runs natively in tests. Components only render App's fields. What a
// render would cost too much or forget (text that is being typed, drawings)
// lies in islands: elements that Vugu leaves alone.
package ui

import (
	"context"
	"sync"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// Page is what App wants of the browser.
type Page interface {
	// Update runs f while nothing renders or handles an event, and has the page
	// rendered soon. Never call it in an event's handler: the lock is held.
	Update(f func())
	// Get reads a file of this origin; the path is relative to the page.
	Get(ctx context.Context, path string) ([]byte, error)
	// URL is the full address of a path relative to the page.
	URL(path string) string
	// SetText sets what stands in a text field.
	SetText(id, text string)
	// Focus moves the keyboard's focus, after the next render; Edit also sets the
	// field's text.
	Focus(id string)
	Edit(id, text string)
	// Stored tells what is kept in this browser.
	Stored() storage
	// Drop removes a file that is kept, by its sum.
	Drop(sha256 string) error
	// Facts tell what this browser offers.
	Facts() (facts, error)
	// Persist asks the browser to throw out nothing by itself.
	Persist()
	// KeepRun keeps a run as it is now, whole or not at all.
	KeepRun(about keptRun, state rpc.Blob) error
	// LeaveRun says that this tab is done with a run that stays.
	LeaveRun(id string)
	// Runs are those that were broken off, the newest first.
	Runs() []keptRun
	// TakeRun gives a kept run's state to this tab alone.
	TakeRun(id string) (rpc.Blob, error)
	// DropRun removes a run.
	DropRun(id string)
	// TakeUpdate changes over to the newer version of the page that waits.
	TakeUpdate()
	// Save hands files to the person as one zip, SaveFile a file as it is.
	Save(zip string, names []string, blobs []rpc.Blob) error
	SaveFile(name string, blob rpc.Blob) error
	// SaveText hands text to the person as a file.
	SaveText(name, text string) error
	// Fragment is what stands behind # in the page's address, but for the name of
	// one of its elements. Link is the address with a fragment; DropFragment takes
	// it off the one that is shown.
	Fragment() string
	Link(fragment string) string
	DropFragment()
	// Query is what stands behind ? in the page's address; SetQuery changes it.
	Query() []pair
	SetQuery([]pair)
	// Copy puts text on the clipboard. It blocks.
	Copy(text string) error
}

// Dial starts an engine.
type Dial func() (*rpc.Client, error)

// App is the page's state. Its fields change in handlers and in Page.Update
// only.
type App struct {
	page   Page
	shelf  Store
	dial   Dial
	client *rpc.Client
	spare  *rpc.Client // started, and not used for a model yet

	model    modelState
	store    storeState
	examples examplesState
	settings settingsState
	run      runState
	broken   []keptRun // can go on
	try      tryState
	library  libraryState
	link     linkState
	check    diagnosisState

	queried bool // the page's address has been read, and may be written

	withExamples bool // examples go along with what is shared and kept

	fault *fault.Error
	said  string          // the newest words of the live region
	folds map[string]bool // which folds are open

	narrow  bool // the page is as wide as a phone
	offline offlineState

	sortTurn sync.Mutex // held while a drop's files are looked at
}

// NewApp makes the state of a fresh page.
func NewApp(page Page, store Store, dial Dial) *App {
	a := &App{page: page, shelf: store, dial: dial, folds: map[string]bool{}}
	a.settings = newSettings()
	a.model = newModelState()
	return a
}

// Start looks for models that the server offers, for what this browser keeps,
// and at the fragment of the page's address.
func (a *App) Start() {
	go a.findKept()
	go a.lookAtStore(false)
	go func() {
		a.beginModels()
		a.page.Update(func() { a.OpenLink(a.page.Fragment()) })
	}()
	go a.lookAtRuns()
}

// fresh gives an engine that nothing is open in.
func (a *App) fresh() (*rpc.Client, error) {
	if c := a.spare; c != nil && c.Dead() == nil {
		a.spare = nil
		return c, nil
	}
	return a.dial()
}

// forget drops what lived in an engine that is gone.
func (a *App) forget() {
	a.client = nil
	a.model.info, a.model.opened = nil, ""
	a.run.fit, a.run.other = nil, nil
}

// show tells of a fault; what the person stopped is none.
func (a *App) show(op string, err error) {
	if err == nil || fault.Is(err, fault.Cancelled) {
		return
	}
	a.fault = fault.From(op, err)
	switch a.fault.Kind {
	case fault.Quota:
		a.folds["store"] = true // where there is something to remove
	case fault.NoGPU:
		a.openDiagnosis() // which has what is missing, and what to do
	}
	if a.client != nil && a.client.Dead() != nil {
		a.forget()
	}
}

// Dismiss takes the fault away.
func (a *App) Dismiss() { a.fault = nil }

// say has assistive tools speak.
func (a *App) say(words string) { a.said = words }

// Fold opens or closes a fold.
func (a *App) Fold(name string) {
	a.folds[name] = !a.folds[name]
	if name == "diagnosis" && a.folds[name] {
		a.openDiagnosis()
	}
}

// Unsaved tells that closing the page would lose something.
func (a *App) Unsaved() bool {
	return !a.offline.taken && a.losing()
}

// losing tells that something would be lost with the page.
func (a *App) losing() bool { return a.run.phase != idle || (a.run.fit != nil && !a.run.saved) }

// Islands are the drawings: what each island's element shall hold.
func (a *App) Islands() map[string]string {
	out := map[string]string{
		"loss-island":    a.run.chart,
		"routing-island": a.run.heat,
		"scale-island":   a.run.scale,
	}
	if a.folds["routing"] {
		out["routing-table-island"] = a.run.table()
	}
	if a.folds["loss"] {
		out["loss-table-island"] = a.run.lossTable()
	}
	if a.folds["confusion"] {
		out["confusion-island"] = a.run.matrixText()
	}
	return out
}
