package ui

import (
	"syscall/js"
	"time"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/domrender"

	"handful/core/fault"
)

// frame is the shortest time between two renders that nobody clicked for.
const frame = 100 * time.Millisecond

// Run shows the page in the element that selector names, and stays. dial
// starts an engine; it is called when one is needed, and again after a crash.
func Run(selector string, dial Dial) (err error) {
	defer fault.Recover("page", &err)
	renderer, err := domrender.New(selector)
	if err != nil {
		return err
	}
	env := renderer.EventEnv()
	build, err := vugu.NewBuildEnv(env)
	if err != nil {
		return err
	}
	b := &browser{env: env, drawn: map[string]string{}}
	app := NewApp(b, &browserStore{}, dial)
	b.app = app
	b.listen()
	b.watchOffline()
	app.Start()
	root := &Root{App: app}
	for n := 0; n == 0 || renderer.EventWait(); n++ {
		if err := renderer.Render(build.RunBuild(root)); err != nil {
			return err
		}
		b.draw()
		if n == 0 { // the fields are there now
			offline().Call("restore")
		}
	}
	return fault.New(fault.Bug, "page", "rendering has ended")
}

// browser is Page over the DOM.
type browser struct {
	env   vugu.EventEnv
	app   *App
	drawn map[string]string // what the islands hold
	edits []edit

	last  time.Time // of the newest render that Update asked for
	timer *time.Timer
}

// Update implements Page. Renders that come in quick succession are joined.
func (b *browser) Update(f func()) {
	b.env.Lock()
	f()
	rest := frame - time.Since(b.last)
	switch {
	case b.timer != nil: // a render is due
		b.env.UnlockOnly()
	case rest <= 0:
		b.last = time.Now()
		b.env.UnlockRender()
	default:
		b.timer = time.AfterFunc(rest, func() {
			b.env.Lock()
			b.timer, b.last = nil, time.Now()
			b.env.UnlockRender()
		})
		b.env.UnlockOnly()
	}
}

// draw brings the islands up to date. Vugu leaves their elements alone, for it
// knows of no children there.
func (b *browser) draw() {
	b.env.Lock()
	islands, edits := b.app.Islands(), b.edits
	b.edits = nil
	b.env.UnlockOnly()
	for _, e := range edits {
		e.do()
	}
	for id, html := range islands {
		if b.drawn[id] == html {
			continue
		}
		if el := element(id); el.Truthy() {
			el.Set("innerHTML", html)
			b.drawn[id] = html
		}
	}
}

func element(id string) js.Value { return js.Global().Get("document").Call("getElementById", id) }
