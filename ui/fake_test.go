//go:build !js

package ui

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// fakePage is Page without a browser.
type fakePage struct {
	mu    sync.Mutex
	files map[string]string
	texts map[string]string
	saved map[string][]string

	focus       string
	copied      string
	noClipboard error
	dropped     bool

	taken int // updates
	store storage
	asked int // times to keep for good
	inUse map[string]bool
	runs  map[string]fakeRun
	noRun error // why no run can be kept

	query []pair

	facts   facts
	noFacts error
}

// fakeRun is a run in the fake browser; here tells that this tab holds it.
type fakeRun struct {
	about keptRun
	state rpc.Blob
	here  bool
}

func (p *fakePage) KeepRun(about keptRun, state rpc.Blob) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.noRun != nil {
		return p.noRun
	}
	p.runs[about.ID] = fakeRun{about, state, true}
	return nil
}

func (p *fakePage) LeaveRun(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r, ok := p.runs[id]; ok {
		r.here = false
		p.runs[id] = r
	}
}

func (p *fakePage) Runs() (out []keptRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.runs {
		if !r.here {
			out = append(out, r.about)
		}
	}
	return out
}

func (p *fakePage) TakeRun(id string) (rpc.Blob, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.runs[id]
	if !ok {
		return nil, errors.New("it is in use in another tab, or gone")
	}
	r.here = true
	p.runs[id] = r
	return r.state, nil
}

func (p *fakePage) DropRun(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.runs, id)
}

// fakeStore is Store in memory, which says that it lasts.
type fakeStore struct {
	mu    sync.Mutex
	where string
	notes map[string]string
	bytes map[string]rpc.Blob
	fail  error // of the next Put
}

func newFakeStore() *fakeStore {
	return &fakeStore{where: "files", notes: map[string]string{}, bytes: map[string]rpc.Blob{}}
}

func (s *fakeStore) Where() string { return s.where }

func (s *fakeStore) Notes() (out []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.notes)), nil
}

func (s *fakeStore) Put(id, note string, bytes rpc.Blob) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.notes[id], s.bytes[id] = note, bytes
	return nil
}

func (s *fakeStore) Note(id, note string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes[id] = note
	return nil
}

func (s *fakeStore) Get(id string) (rpc.Blob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.bytes[id]; ok {
		return b, nil
	}
	return nil, fault.New(fault.Corrupt, "library", "it is gone")
}

func (s *fakeStore) Remove(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.notes, id)
	delete(s.bytes, id)
	return nil
}

func (p *fakePage) Stored() storage {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.store
	s.Files = slices.Clone(s.Files)
	return s
}

func (p *fakePage) Drop(sha256 string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inUse[sha256] {
		return errors.New("it is in use in this tab or another one")
	}
	p.store.Files = slices.DeleteFunc(p.store.Files, func(f keptFile) bool { return f.SHA256 == sha256 })
	return nil
}

func (p *fakePage) Facts() (facts, error) { return p.facts, p.noFacts }

func (p *fakePage) Persist() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	p.store.Persisted = true
}

func (p *fakePage) Update(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *fakePage) Get(_ context.Context, path string) ([]byte, error) {
	if s, ok := p.files[path]; ok {
		return []byte(s), nil
	}
	return nil, fault.New(fault.Network, "load", "%s: got status 404", path)
}

func (p *fakePage) URL(path string) string  { return "https://page.test/" + path }
func (p *fakePage) SetText(id, text string) { p.texts[id] = text }

func (p *fakePage) Focus(id string)             { p.focus = id }
func (p *fakePage) Edit(id, text string)        { p.texts[id] = text }
func (p *fakePage) Link(fragment string) string { return "https://page.test/#" + fragment }
func (p *fakePage) Fragment() string            { return "" }
func (p *fakePage) DropFragment()               { p.dropped = true }

func (p *fakePage) Query() []pair       { return p.query }
func (p *fakePage) SetQuery(now []pair) { p.query = now }

func (p *fakePage) Copy(text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.copied = text
	return p.noClipboard
}

func (p *fakePage) SaveFile(name string, _ rpc.Blob) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saved[name] = []string{name}
	return nil
}
func (p *fakePage) SaveText(name, text string) error {
	p.texts[name] = text // called by a handler: the lock is held
	return nil
}
func (p *fakePage) TakeUpdate() { p.taken++ }

func (p *fakePage) Save(zip string, names []string, _ []rpc.Blob) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saved[zip] = names
	return nil
}

// fakeEngine answers rpc as the Worker does, with canned results. Its fields
// are set before the first call.
type fakeEngine struct {
	mu     sync.Mutex
	asked  []string // methods, with their params
	dials  int
	openIt func() error               // nil: it opens
	step   func(ctx context.Context)  // runs before each step
	snaps  bool                       // adapt sends a snapshot after each step
	fails  error                      // ends adapt and resume after a step
	events map[string]json.RawMessage // sent by adapt before it ends
	labels []string                   // of the rows that are judged
	few    map[string]map[string]any  // what the inventory recommends
	open   identity                   // what is open
	needs  identity                   // what is kept or shared stands on
	large  bool                       // too large for a link
	files  []gotten                   // where open got its files
	levels int                        // of links
	client *rpc.Client
}

// card is that of a fine-tune.
func (f *fakeEngine) card(o shareOptions) card {
	c := card{Name: o.Name, Made: "2026-01-02T03:04:05Z", Method: "z", Base: f.needs.Base, Inventory: f.needs.Inventory, Instruction: "Say it.", Options: []string{"a"},
		Scores: []scoreRow{{Name: "base", N: 2, Classes: 2, Balanced: .5}, {Name: "adapted", N: 2, Classes: 2, Balanced: .75}}}
	c.Base.Name = o.Base
	return c
}

func (f *fakeEngine) note(r rpc.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.Method+" "+string(r.Params))
}

// calls counts calls of a method, and gives the last one's params.
func (f *fakeEngine) calls(method string) (n int, params string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if m, p, _ := strings.Cut(a, " "); m == method {
			n++
			params = p
		}
	}
	return n, params
}

func (f *fakeEngine) dial() (*rpc.Client, error) {
	f.dials++
	var c *rpc.Client
	s := rpc.NewServer(func(msg string, blobs []rpc.Blob) { c.Receive(msg, blobs) }, map[string]rpc.Handler{
		"sort": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			var o sortOptions
			if err := r.Into(&o); err != nil {
				return nil, nil, err
			}
			var out sortedFiles // the real one looks inside
			for i, x := range o.Files {
				if strings.Contains(x.Name, "broken") {
					return nil, nil, fault.Inputf("zip", "%s: cannot be read", x.Name)
				}
				if strings.Contains(x.Name, "skills") || strings.Contains(x.Name, "both") {
					out.Inventory = append(out.Inventory, i)
				}
				if !strings.Contains(x.Name, "skills") {
					out.Base = append(out.Base, i)
				}
			}
			return out, nil, nil
		},
		"open": func(_ context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			if f.openIt != nil {
				if err := f.openIt(); err != nil {
					return nil, nil, err
				}
			}
			emit.Send("progress", progress{Status: "download", Loaded: 1, Total: 2})
			got := info{Model: "tiny", Device: deviceInfo{Kind: "cpu", Name: "Go"}, DeviceWhy: "asked for", Inventory: &invInfo{Name: "skills", Skills: 2, FewShot: f.few}, Files: f.files}
			return got, nil, nil
		},
		"preview": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			var o previewOptions
			if err := r.Into(&o); err != nil {
				return nil, nil, err
			}
			p := preview{Rows: lines(o.Examples), Format: "lines", Labels: map[string]int{"a": 2, "b": 2}, Prompt: "Input: x\nOutput: a", Options: []string{"a", "b"}}
			for i := range p.Rows {
				p.Table = append(p.Table, previewRow{Line: i + 1, Input: "in", Output: "a", Tokens: 9, Learn: 2})
			}
			if p.Chosen = o.Row; o.Row >= p.Rows {
				p.Chosen = 0
			}
			if strings.HasPrefix(o.Examples, "review,") {
				p.Columns = &columns{Names: []string{"review", "stars", "id"}, Sample: []string{"good, really", "five", "12"}}
			}
			if strings.Contains(o.Examples, "wrong") {
				p.Faults = []*fault.Error{{Kind: fault.Input, Op: "examples", Msg: "line 2: no label", Hint: "write text => label"}}
			}
			return p, nil, nil
		},
		"columns": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			return map[string]string{"examples": "input,output\nmapped,a\n"}, nil, nil
		},
		"adapt": func(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			var o adaptOptions
			if err := r.Into(&o); err != nil {
				return nil, nil, err
			}
			if o.Steps == 0 {
				o.Steps = defaultSteps
			}
			emit.Send("plan", planEvent{Train: 3, Held: 1, Steps: o.Steps})
			for kind, data := range f.events {
				emit.Send(kind, data)
			}
			stopped := false
			for i := range o.Steps {
				if f.step != nil {
					f.step(ctx)
				}
				if stopped = ctx.Err() != nil; stopped {
					break
				}
				emit.Batch("step", stepEvent{Step: i + 1, Loss: 4 / float64(i+1), MS: 10})
				if f.snaps {
					emit.Send("snapshot", map[string]int{"step": i + 1}, fmt.Sprint("state ", i+1))
				}
				if f.fails != nil {
					return nil, nil, f.fails
				}
			}
			out := fit{ID: 5, Method: o.Method, Trainable: 100, Stopped: stopped, Device: deviceInfo{Kind: "cpu"}}
			for i := range o.Steps {
				out.Losses = append(out.Losses, 4/float64(i+1))
			}
			if !stopped {
				right, not := prediction{Input: "in", Want: "a", Got: "a", OK: true}, prediction{Input: "odd", Want: "a", Got: "b"}
				out.Scores = []scoreRow{{Name: "base", N: 2, Classes: len(f.labels), Accuracy: .5, Balanced: .5, Loss: 2, Rows: []prediction{right, not}},
					{Name: "adapted", N: 2, Classes: len(f.labels), Accuracy: .5, Balanced: .75, Loss: 1, Rows: []prediction{right, not}}}
				out.Routing = someRouting(2, 2, 2)
			}
			return out, nil, nil
		},
		"resume": func(_ context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
			r.Params = json.RawMessage(fmt.Sprintf("%q", r.Blobs))
			f.note(r)
			o := adaptOptions{Method: "z", Examples: "x => a", Instruction: "say", Steps: 4, Seed: 7}
			emit.Send("resumed", map[string]any{"options": o, "steps": []stepEvent{{Step: 1, Loss: 4, MS: 10}, {Step: 2, Loss: 2, MS: 10}}})
			emit.Send("plan", planEvent{Train: 3, Held: 1, Steps: o.Steps})
			if f.step != nil {
				f.step(context.Background())
			}
			if f.fails != nil {
				return nil, nil, f.fails
			}
			emit.Batch("step", stepEvent{Step: 3, Loss: 1.5, MS: 10})
			emit.Batch("step", stepEvent{Step: 4, Loss: 1, MS: 10})
			return fit{ID: 6, Method: o.Method, Trainable: 100, Device: deviceInfo{Kind: "cpu"}}, nil, nil
		},
		"free": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			return nil, nil, nil
		},
		"generate": func(_ context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			var o generateOptions
			if err := r.Into(&o); err != nil {
				return nil, nil, err
			}
			for _, w := range []string{" by", fmt.Sprint(" ", o.Adapter)} {
				emit.Batch("text", w)
			}
			return " by", nil, nil
		},
		"pack": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			var o shareOptions
			if err := r.Into(&o); err != nil {
				return nil, nil, err
			}
			n, _ := f.calls("pack")
			return packed{ID: fmt.Sprintf("%064x", n), Bytes: 1234, Examples: o.Examples, Card: f.card(o)}, []rpc.Blob{"file " + o.Name}, nil
		},
		"share": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			if f.large {
				return nil, nil, fault.Unsupportedf("link", "9000 characters").Next("save it as a file")
			}
			return shared{Code: "h1.abc", Levels: f.levels}, nil, nil
		},
		"agreement": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			return agreement{39, 40}, nil, nil
		},
		"card": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			var o givenOptions
			if err := r.Into(&o); err != nil {
				return nil, nil, err
			}
			if o.Code == "h1.junk" {
				return nil, nil, fault.Inputf("link", "checksum 0").Next("ask for it again")
			}
			return packed{ID: strings.Repeat("0", 64), Bytes: 99, Card: f.card(shareOptions{Name: "theirs", Base: "Tiny", Inventory: "skills"})}, nil, nil
		},
		"restore": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			n, _ := f.calls("restore")
			c := f.card(shareOptions{Base: "Tiny"})
			c.Examples, c.Held = "two => b", "three => b"
			return restored{fit{ID: 20 + n, Method: "z", Losses: []float64{3, 2}, Routing: someRouting(2, 2, 2), Scores: c.Scores}, c}, nil, nil
		},
		"identity": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			return f.open, nil, nil
		},
		"evaluate": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			n, _ := f.calls("evaluate")
			return scoreRow{N: 2, Classes: 2, Balanced: .25 * float64(n), Rows: []prediction{{Input: "in", Want: "a", Got: fmt.Sprint("said ", n)}}}, nil, nil
		},
		"against": func(ctx context.Context, r rpc.Request, emit *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			var o againstOptions
			if err := r.Into(&o); err != nil {
				return nil, nil, err
			}
			if o.With != "icl" {
				emit.Send("plan", planEvent{Steps: 4})
				emit.Batch("step", stepEvent{Step: 1, Loss: 3, MS: 10})
				if f.step != nil {
					f.step(ctx)
				}
				if ctx.Err() != nil {
					return nil, nil, fault.From("compare", ctx.Err())
				}
			}
			return scoreRow{Name: o.With, N: 2, Classes: 2, Balanced: .5, Shown: 4, Interval: &interval{.1, .9}}, nil, nil
		},
		"similar": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			return []similarTask{{"headlines", .31}, {"movies", -.2}}, nil, nil
		},
		"export": func(_ context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
			f.note(r)
			return exported{Names: []string{"adapter_config.json"}}, []rpc.Blob{"{}"}, nil
		},
	})
	c = rpc.NewClient(s.Receive)
	f.client = c
	return c, nil
}

const someManifest = `[{"id":"tiny","name":"Tiny SmolLM2-135M","file":"tiny.gguf","bytes":5000000,"sha256":"00","licence":"Apache-2.0"},{"id":"","file":"x"},{"id":"files","file":"x"}]`

// newTest is a page whose server offers one model.
func newTest(t *testing.T) (*App, *fakePage, *fakeEngine) {
	t.Helper()
	p := &fakePage{files: map[string]string{manifestPath: someManifest}, texts: map[string]string{}, saved: map[string][]string{}, runs: map[string]fakeRun{}}
	stands := identity{Base: weights{"Tiny", "00"}, Inventory: &weights{"skills", inventories[0].SHA256}}
	f := &fakeEngine{labels: []string{"a", "b"}, open: stands, needs: stands, levels: 255}
	a := NewApp(p, newFakeStore(), f.dial)
	a.Start()
	wait(t, a, "the server's models", func() bool { return a.model.looked })
	return a, p, f
}

// wait waits until something is so.
func wait(t *testing.T, a *App, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		done := false
		a.page.Update(func() { done = so() })
		if done {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// do runs what a person does, as an event's handler would.
func do(a *App, f func()) { a.page.Update(f) }
