// Package calls is what the engine's calls have in common, in a browser's Worker
// (wasm/engine) and on a command line (handful rpc): their options, answers and
// events, and the fine-tunes that were made. Each side adds who may use the
// engine when, and how bytes travel.
package calls

import (
	"encoding/json"
	"sync"

	"handful/core/engine"
	"handful/core/fault"
	"handful/core/share"
	"handful/wasm/rpc"
)

// Fit is a fine-tune and the files of its saved steps.
type Fit struct {
	*engine.Fit
	Saved []engine.File
}

// Adapted is a fine-tune's answer: the fit, and the id to use it by.
type Adapted struct {
	ID int `json:"id"`
	*engine.Fit
}

// Restored is a fine-tune that was shared or kept, as after adapt.
type Restored struct {
	Adapted
	Card share.Card `json:"card"`
}

// Using picks an adapter: a fine-tune's id, or a name as in engine.Adapter.
type Using struct {
	Adapter json.RawMessage `json:"adapter"`
}

// Fits are the fine-tunes that were made and not yet freed. The zero value has
// none.
type Fits struct {
	mu   sync.Mutex
	byID map[int]*Fit
	next int
}

// Add gives a fine-tune an id.
func (f *Fits) Add(made *Fit) Adapted {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = map[int]*Fit{}
	}
	f.next++
	f.byID[f.next] = made
	return Adapted{f.next, made.Fit}
}

// Get finds a fine-tune for a call.
func (f *Fits) Get(op string, id int) (*Fit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if made := f.byID[id]; made != nil {
		return made, nil
	}
	return nil, fault.Inputf(op, "no fine-tune %d", id).Next("it was freed, or the model was closed")
}

// Drop forgets a fine-tune.
func (f *Fits) Drop(id int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byID, id)
}

// Clear forgets all; their ids are not given again.
func (f *Fits) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byID = nil
}

// With finds the adapter and runs use with it. What was found by name is freed
// after; a fine-tune keeps its place on the device.
func (f *Fits) With(eng *engine.Engine, op string, u Using, use func(engine.Adapter) error) error {
	var id int
	var name string
	if len(u.Adapter) == 0 || json.Unmarshal(u.Adapter, &name) == nil {
		a, err := eng.Adapter(name)
		if err != nil {
			return err
		}
		defer eng.Free(a)
		return use(a)
	}
	if json.Unmarshal(u.Adapter, &id) != nil {
		return fault.Inputf(op, "got the adapter %.40s, want a fine-tune or a name", u.Adapter)
	}
	made, err := f.Get(op, id)
	if err != nil {
		return err
	}
	return use(made.Adapter)
}

// Export is the call export: a fine-tune's files, their names in the answer and
// what blob and as make of their bytes as blobs. as writes those of another
// format than the PEFT folder with routing and log.
func (f *Fits) Export(r rpc.Request, blob func([]byte) rpc.Blob, as func(*engine.Fit, engine.ConvertOptions, func(name string, b rpc.Blob)) error) (any, []rpc.Blob, error) {
	var p struct {
		ID int `json:"id"`
		engine.ConvertOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	made, err := f.Get(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	names, blobs := []string{}, []rpc.Blob{}
	add := func(name string, b rpc.Blob) { names, blobs = append(names, name), append(blobs, b) }
	if p.To != "" {
		err = as(made.Fit, p.ConvertOptions, add)
	} else {
		for _, x := range append(made.Fit.Export(), made.Saved...) {
			add(x.Name, blob(x.Bytes))
		}
	}
	return map[string]any{"names": names}, blobs, err
}

// Pack is the call pack: a fine-tune as a .handful file.
func (f *Fits) Pack(r rpc.Request) (*share.Adapter, []byte, error) {
	var p struct {
		ID int `json:"id"`
		engine.ShareOptions
	}
	if err := r.Into(&p); err != nil {
		return nil, nil, err
	}
	made, err := f.Get(r.Method, p.ID)
	if err != nil {
		return nil, nil, err
	}
	a, err := made.Pack(p.ShareOptions)
	if err != nil {
		return nil, nil, err
	}
	b, err := share.Encode(a)
	return a, b, err
}

// Restore makes a fine-tune of what was shared or kept.
func (f *Fits) Restore(eng *engine.Engine, a *share.Adapter) (any, error) {
	fit, err := eng.Restore(a)
	if err != nil {
		return nil, err
	}
	a.Run, a.Config = nil, nil
	return Restored{f.Add(&Fit{Fit: fit}), a.Card}, nil
}
