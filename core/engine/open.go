package engine

import (
	"cmp"
	"context"
	"sync"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/adapter"
	"handful/core/format/hf"
	"handful/core/model"
	"handful/core/share"
	"handful/core/skill"
	"handful/core/task"
	"handful/core/tensor"
	"handful/core/text"
)

// maxContext bounds the rows that can be trained on: a longer context than
// this would only size tables that nobody fills.
const maxContext = 8192

// Engine is an open base model with its inventory on a device. Its methods may
// be called from several goroutines; they run one after the other.
type Engine struct {
	mu       *sync.Mutex // of the device: engines of With share it
	dev      *machine
	ckpt     *hf.Checkpoint
	model    model.Model
	tok      text.Tokenizer // nil without one
	template *task.Template
	base     format.Folder
	trains   bool             // the base's weights can be trained
	ends     map[int32]bool   // tokens that end an answer
	inv      *skill.Inventory // nil without one
	single   *skill.Single    // the opened adapter is a LoRA
	ia3      *skill.IA3       // it is (IA)³
	poly     *skill.Inventory // it has skills
	restored *Fit             // it is a code or a .handful file
	baseID   *weightsID
	invID    *share.Weights // nil without an inventory
	info     Info
}

// Open reads what the folders hold, checks that it fits together and opens a
// device. Nothing is uploaded before the first use.
func Open(ctx context.Context, o OpenOptions) (_ *Engine, err error) {
	defer fault.Recover("open", &err)
	if o.Base, err = o.Base.Expand(); err != nil {
		return nil, err
	}
	e := &Engine{mu: &sync.Mutex{}, ends: map[int32]bool{}, base: o.Base, trains: o.TrainBase}
	if e.ckpt, err = openBase(o); err != nil {
		return nil, err
	}
	mc := e.ckpt.Config.Config
	mc.Context = min(mc.Context, maxContext)
	if e.model, err = model.Open(mc, weightsOf(o, &watched{Weights: e.ckpt, total: e.ckpt.Bytes(), report: o.Progress})); err != nil {
		return nil, err
	}
	if o.TrainBase && mc.ModelType != "llama" {
		return nil, fault.Unsupportedf("base", "training the weights of a %s itself", mc.ModelType).Next("leave --base-trainable out, or take a Llama-family base")
	}
	if len(o.Inventory) > 0 {
		if e.inv, err = e.inventory("inventory", o.Inventory); err != nil {
			return nil, err
		}
	}
	shared, err := readShared(o.Adapter)
	if err != nil {
		return nil, err
	}
	if len(o.Adapter) > 0 && shared == nil {
		if err = e.openAdapter(o.Adapter); err != nil {
			return nil, err
		}
	}
	if e.tok, err = e.ckpt.Tokenizer(); err != nil {
		return nil, err
	}
	if err := e.setPrompt(); err != nil {
		return nil, err
	}
	if e.dev, err = newMachine(ctx, o, shapeOf(e.ckpt.Config, e.model)); err != nil {
		return nil, err
	}
	e.describe()
	if err := e.room(); err != nil {
		e.dev.Close()
		return nil, err
	}
	if err = e.identify(o.Inventory); err == nil && shared != nil {
		e.info.Adapter = &shared.Card
		e.restored, err = e.Restore(shared)
	}
	if err != nil {
		e.dev.Close()
		return nil, err
	}
	return e, nil
}

// setPrompt takes the inventory's prompt, and collects the tokens that end an
// answer: the prompt's end token and the model's own. A tokenizer must fit the
// model's embedding.
func (e *Engine) setPrompt() (err error) {
	prompt := skill.DefaultPrompt()
	if e.inv != nil && e.inv.Manifest != nil && e.inv.Manifest.Prompt.Template != "" {
		prompt = e.inv.Manifest.Prompt
	}
	if e.template, err = task.NewTemplate(prompt); err != nil {
		return fault.Or(err, "correct the prompt in the inventory's manifest.json")
	}
	for _, id := range e.ckpt.Config.EOS {
		e.ends[int32(id)] = true
	}
	if e.tok == nil {
		return nil
	}
	if v := e.model.Config().Vocab; e.tok.Vocab() > v {
		return fault.Inputf("tokenizer", "%d tokens, the embedding has %d rows", e.tok.Vocab(), v).Next("use the tokenizer that belongs to the base")
	}
	if id, ok := e.tok.ID(prompt.End); ok {
		e.ends[id] = true
	}
	return nil
}

func (e *Engine) dims() map[string][2]int {
	d := map[string][2]int{}
	for _, s := range e.model.Sites() {
		d[s.Name] = [2]int{s.In, s.Out}
	}
	return d
}

// inventory reads an inventory, or LoRAs as one, and holds it against the base.
func (e *Engine) inventory(op string, f format.Folder) (*skill.Inventory, error) {
	f, err := f.Expand()
	if err != nil {
		return nil, err
	}
	inv, err := adapter.Inventory(f)
	if err != nil {
		return nil, err
	}
	if err := checkFewShot(inv.Manifest); err != nil {
		return nil, err
	}
	inv.TaskType = cmp.Or(inv.TaskType, e.taskType())
	return inv, e.fits(op, inv)
}

func (e *Engine) fits(op string, inv *skill.Inventory) error {
	if err := skill.CheckSites(op, inv.Sites, inv.Dims, e.dims(), inv.Targets, inv.Regex); err != nil {
		return err
	}
	return inv.CheckSplits()
}

func (e *Engine) openAdapter(f format.Folder) error {
	f, err := f.Expand()
	if err != nil {
		return err
	}
	a, err := adapter.Open(f)
	if err != nil {
		return err
	}
	e.poly, e.single, e.ia3 = a.Inventory, a.Single, a.IA3
	switch {
	case a.Inventory != nil:
		return e.fits("adapter", a.Inventory)
	case a.IA3 != nil:
		return skill.CheckSites("adapter", a.IA3.Sites, a.IA3.Dims, e.dims(), a.IA3.Targets, a.IA3.Regex)
	}
	return skill.CheckSites("adapter", a.Single.Sites, a.Single.Dims, e.dims(), a.Single.Targets, a.Single.Regex)
}

// describe fills Info.
func (e *Engine) describe() {
	c := e.model.Config()
	e.info = Info{Model: e.ckpt.Name, Layers: c.Layers, Encoder: c.EncoderLayers, Hidden: c.Hidden, Vocab: c.Vocab, Context: c.Context, Tokenizer: e.tok != nil,
		Licence: e.ckpt.Licence}
	by := map[tensor.DType]int64{}
	for _, v := range e.model.Vars() {
		e.info.Params += int64(tensor.Numel(v.Shape))
		e.info.Bytes += int64(v.Bytes())
		by[v.DType] += int64(v.Bytes())
	}
	most := int64(0)
	for d, n := range by {
		if n > most {
			most, e.info.Quant = n, d.String()
		}
	}
	if inv := e.inv; inv != nil {
		e.info.Inventory = &InvInfo{Name: "inventory", Skills: inv.Skills, Splits: inv.Splits, Rank: inv.Rank, Tasks: inv.Tasks, Sites: len(inv.Sites)}
		if inv.Manifest != nil {
			e.info.Inventory.Name, e.info.Inventory.TaskNames = inv.Manifest.Name, inv.Manifest.Tasks
			e.info.Inventory.FewShot, e.info.Inventory.Gradients = fewShotInfo(inv.Manifest), inv.Sketches != nil
		}
		for _, s := range inv.Sites {
			e.info.Inventory.Params += int64(len(inv.A[s]) + len(inv.B[s]))
		}
	}
}

// Info describes what is open, and the device as it is now.
func (e *Engine) Info() Info {
	i := e.info
	i.Device, i.DeviceWhy = e.dev.Info(), e.dev.why
	return i
}

// Inventory is the open inventory, nil without one.
func (e *Engine) Inventory() *skill.Inventory { return e.inv }

// Lost is the device's: at most one value, when it is gone.
func (e *Engine) Lost() <-chan error { return e.dev.Lost() }

// Close frees the device.
func (e *Engine) Close() error {
	defer e.lock()()
	return e.dev.Close()
}

// lock makes calls run one after the other: `defer e.lock()()`.
func (e *Engine) lock() func() {
	e.mu.Lock()
	return e.mu.Unlock
}

// watched reports reading of weights as progress.
type watched struct {
	model.Weights
	total, done int64
	report      func(Progress)
}

func (w *watched) Tensor(name string) (tensor.Source, error) {
	s, err := w.Weights.Tensor(name)
	if err != nil || w.report == nil {
		return s, err
	}
	return &watchedSource{s, w, name}, nil
}

type watchedSource struct {
	tensor.Source
	w    *watched
	name string
}

func (s *watchedSource) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Source.ReadAt(p, off)
	s.w.done += int64(n)
	s.w.report(Progress{Status: "upload", File: s.name, Loaded: min(s.w.done, s.w.total), Total: s.w.total})
	return n, err
}
