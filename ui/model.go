package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"handful/core/fault"
	"handful/wasm/rpc"
)

const (
	ownFiles    = "files" // choice: what the person brought
	noInventory = "none"
)

// file is one that the person chose or dropped.
type file struct {
	name string // with its folders
	size int64
	blob rpc.Blob
}

type modelState struct {
	looked bool // the server has been asked
	served []servedModel
	picked bool // the person has chosen a base

	base, inventory, device string // what is chosen
	wanted, wantedSkills    string // by the page's address, until the server's models are known
	baseFiles, invFiles     []file
	sorting                 int  // drops whose files are looked at
	loadThen                bool // Load was pressed meanwhile

	stop     context.CancelFunc // set while opening
	progress progress
	info     *info  // of what is open
	opened   string // the choice that is open
}

func newModelState() modelState {
	return modelState{base: ownFiles, inventory: noInventory, device: "auto"}
}

// choice names what is chosen, so that a change can be seen.
func (m *modelState) choice() string {
	key := []string{m.base, m.inventory, m.device}
	if m.base == ownFiles {
		key = append(key, fileKey(m.baseFiles))
	}
	if m.inventory == ownFiles {
		key = append(key, fileKey(m.invFiles))
	}
	return strings.Join(key, "\x00")
}

func fileKey(files []file) string {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "%s:%d\n", f.name, f.size)
	}
	return b.String()
}

func (m *modelState) opening() bool { return m.stop != nil }

// open tells that what is chosen is what is open.
func (m *modelState) open() bool { return m.info != nil && m.opened == m.choice() }

// chosen tells that there is a base to open.
func (m *modelState) chosen() bool { return m.servedBase() != nil || len(m.baseFiles) > 0 }

// hasInventory tells that there are, or will be, skills to start from.
func (m *modelState) hasInventory() bool {
	return m.inventory != noInventory && (m.inventory != ownFiles || len(m.invFiles) > 0)
}

// PickBase, PickInventory and PickDevice choose; nothing is opened yet.
func (a *App) PickBase(id string) {
	a.model.picked = true
	a.model.pick(id)
	a.dropSample()
	a.writeQuery()
}

func (a *App) PickInventory(id string) {
	a.model.inventory = id
	a.writeQuery()
}

func (a *App) PickDevice(kind string) {
	a.model.device = kind
	a.writeQuery()
}

// TakeFiles takes what the person brought. The engine tells a base's files from
// skills by what is in them: names say little after a download.
func (a *App) TakeFiles(files []file) {
	for _, f := range files {
		if path.Ext(f.name) == ".handful" {
			a.OpenFile(f)
			return
		}
	}
	a.model.sorting++
	go func() {
		a.sortTurn.Lock() // what is brought later counts more
		defer a.sortTurn.Unlock()
		got, err := a.sorted(files)
		a.page.Update(func() {
			a.model.sorting--
			if err != nil {
				a.model.loadThen = false
				a.show("files", err)
				return
			}
			pick := func(places []int) (out []file) {
				for _, i := range places {
					if i >= 0 && i < len(files) {
						out = append(out, files[i])
					}
				}
				return out
			}
			m := &a.model
			if inv := pick(got.Inventory); len(inv) > 0 {
				m.invFiles, m.inventory = inv, ownFiles
			}
			if base := pick(got.Base); len(base) > 0 {
				m.baseFiles, m.picked = base, true
				m.pick(ownFiles)
				a.dropSample()
			}
			a.say(plural(len(files), "file") + " taken")
			if m.loadThen {
				a.Load()
			}
		})
	}()
}

// sorted asks a fresh engine, which takes no part in what is open.
func (a *App) sorted(files []file) (got sortedFiles, err error) {
	c, err := a.dial()
	if err != nil {
		return got, err
	}
	defer c.Close()
	var blobs []rpc.Blob
	raw, _, err := c.Call(context.Background(), "sort", sortOptions{Files: sources(files, &blobs)}, blobs, nil)
	if err == nil && json.Unmarshal(raw, &got) != nil {
		err = fault.New(fault.Bug, "files", "got an answer that is not understood")
	}
	return got, err
}

// sources are files as the engine takes them; their bytes go to blobs.
func sources(files []file, blobs *[]rpc.Blob) (out []source) {
	for _, f := range files {
		i := len(*blobs)
		*blobs = append(*blobs, f.blob)
		out = append(out, source{Name: f.name, Blob: &i})
	}
	return out
}

// canLoad tells whether Load leads to something.
func (a *App) canLoad() bool {
	m := &a.model
	return !a.busy() && (m.sorting > 0 || m.chosen() && !m.open())
}

// Load opens what is chosen.
func (a *App) Load() {
	if !a.canLoad() {
		return
	}
	a.model.loadThen = a.model.sorting > 0 // what was just dropped is meant
	if a.model.loadThen {
		return
	}
	a.fault = nil
	ctx := a.beginOpening()
	go func() {
		if err := a.open(ctx); err != nil {
			a.page.Update(func() { a.show("open", err) })
		}
	}()
}

// StopLoad gives opening up.
func (a *App) StopLoad() {
	if a.model.opening() {
		a.model.stop()
	}
}

// beginOpening marks that opening is under way.
func (a *App) beginOpening() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	a.model.stop, a.model.progress = stop, progress{Status: "start"}
	return ctx
}

// open opens what is chosen in a fresh engine. The old one, and what was
// learned in it, lives until the new one is open: a wrong file loses nothing.
func (a *App) open(ctx context.Context) error {
	var fresh *rpc.Client
	var o opening
	var blobs []rpc.Blob
	var choice string
	var err error
	a.page.Update(func() {
		o, blobs = a.model.request(a.page.URL)
		o.Keep = !a.store.off
		choice = a.model.choice()
		fresh, err = a.fresh()
	})
	var got info
	if err == nil {
		got, err = a.openIn(ctx, fresh, o, blobs)
	}
	a.page.Update(func() {
		a.model.stop()
		a.model.stop = nil
		if err != nil {
			return
		}
		if a.client != nil {
			a.client.Close()
			a.forget()
		}
		if a.run.phase == idle {
			a.run = runState{} // what is shown was of the old model
		}
		a.try.clear()
		a.client, a.model.info, a.model.opened = fresh, &got, choice
		a.say(joined(append([]string{a.model.name() + " is loaded"}, got.origins("base")...)))
		a.lookAt()
	})
	a.lookAtStore(err == nil && got.kept())
	return err
}

func (a *App) openIn(ctx context.Context, c *rpc.Client, o opening, blobs []rpc.Blob) (got info, err error) {
	raw, _, err := c.Call(ctx, "open", o, blobs, a.onProgress)
	if err == nil && json.Unmarshal(raw, &got) != nil {
		err = fault.New(fault.Bug, "open", "got an answer that is not understood")
	}
	if err != nil {
		c.Close()
	}
	return got, err
}

// onProgress shows how far reading is.
func (a *App) onProgress(e rpc.Event) {
	var p progress
	if e.Kind != "progress" || json.Unmarshal(e.Data, &p) != nil {
		return
	}
	a.page.Update(func() { a.model.progress = p })
}

// request writes the choice as the engine takes it.
func (m *modelState) request(absolute func(string) string) (o opening, blobs []rpc.Blob) {
	if s := m.servedBase(); s != nil {
		o.Base = []source{s.source(absolute)}
	} else {
		o.Base = sources(m.baseFiles, &blobs)
	}
	if m.inventory == ownFiles {
		o.Inventory = sources(m.invFiles, &blobs)
	}
	if v := m.servedSkills(); v != nil {
		o.Inventory = []source{{URL: absolute(v.URL), Of: v.Name}}
	}
	o.Device.Kind = m.device
	return o, blobs
}

// phaseNames are a progress's status in words.
var phaseNames = map[string]string{
	"start": "Starting the engine", "download": "Downloading", "verify": "Looking in this browser", "wait": "Waiting for another tab that downloads it", "retry": "The connection broke, trying again", "read": "Reading", "upload": "Reading weights", "compile": "Preparing", "ready": "Ready",
}

// text says how far opening is, in bytes.
func (p progress) text() string {
	s := phaseNames[p.Status]
	if s == "" {
		s = "Working"
	}
	if p.File != "" && p.Status == "download" {
		s += " " + clip(p.File, 60)
	}
	switch {
	case p.Total > 0:
		s += fmt.Sprintf(": %s of %s", bytesText(p.Loaded), bytesText(p.Total))
	case p.Loaded > 0:
		s += ": " + bytesText(p.Loaded)
	}
	if p.Rate > 0 && p.Status == "download" {
		s += fmt.Sprintf(", %s/s", bytesText(int64(p.Rate)))
		if p.Total > p.Loaded {
			s += ", " + durationText(time.Duration(float64(p.Total-p.Loaded)/p.Rate*float64(time.Second))) + " left"
		}
	}
	return s
}

// percent is how far a progress is, -1 where that is unknown.
func (p progress) percent() int {
	if p.Total <= 0 {
		return -1
	}
	return int(100 * min(max(p.Loaded, 0), p.Total) / p.Total)
}

// facts are what there is to say about the open model.
func (m *modelState) facts() []string {
	if m.info == nil {
		return nil
	}
	i := m.info
	out := []string{countText(i.Params) + " parameters", fmt.Sprintf("%d layers of %s", i.Layers, countText(int64(i.Hidden))), i.Quant, bytesText(i.Bytes),
		"context " + plural(i.Context, "token")}
	if n := i.Need; n != nil {
		out = append(out, "takes "+bytesText(n.Weights+n.Step)+" of memory to learn from 8 rows of 64 tokens at once")
	}
	licence := i.Licence
	if s := m.servedBase(); s != nil && m.open() && licence == "" {
		licence = s.Licence
	}
	if licence != "" {
		out = append(out, "licence "+clip(licence, 60))
	}
	if !i.Tokenizer {
		out = append(out, "no tokenizer: takes token ids only")
	}
	return append(out, i.origins("base")...)
}

// skillFacts are what there is to say about the open inventory.
func (m *modelState) skillFacts() []string {
	if m.info == nil || m.info.Inventory == nil {
		return nil
	}
	i := m.info.Inventory
	out := []string{plural(i.Skills, "skill"), plural(i.Splits, "head"), fmt.Sprintf("rank %d", i.Rank), plural(i.Sites, "site"), countText(i.Params) + " parameters"}
	return append(out, m.info.origins("inventory")...)
}

// deviceText is the device's badge, and why it is this one.
func (m *modelState) deviceText() (name, why string) {
	if m.info == nil {
		return "Device: not chosen yet", "it is chosen when a model is loaded"
	}
	d := m.info.Device
	return d.Kind + ": " + clip(d.Name, 60), m.info.DeviceWhy
}
