package engine

import (
	"cmp"
	"context"
	"slices"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/peft"
	"handful/core/share"
	"handful/core/skill"
	"handful/core/tune"
)

// ShareOptions say what a shared or kept fine-tune is called and tells.
type ShareOptions struct {
	Name      string `json:"name"`
	Made      string `json:"made"`      // RFC 3339
	Base      string `json:"base"`      // as people call it; "": as its file does
	Inventory string `json:"inventory"` // likewise
	Examples  bool   `json:"examples"`  // with the rows that it was made from
}

// Pack is a fine-tune as it is, to be kept: Restore gives the same adapter,
// with the same files to export. What came out of a code stays that coarse.
func (f *Fit) Pack(o ShareOptions) (*share.Adapter, error) {
	if f.Method == "mhr" {
		return nil, fault.Unsupportedf("share", "mhr trains all skills: its folder is an inventory").Next("export it")
	}
	if f.Method == "z" && f.inventory == nil {
		return nil, fault.Unsupportedf("share", "made with skills that are in no file")
	}
	a := &share.Adapter{Card: share.Card{Name: o.Name, Made: o.Made, Method: f.Method, Base: f.base, Instruction: f.options.Instruction, Options: f.prompted}}
	if o.Base != "" {
		a.Base.Name = o.Base
	}
	if fromSkills(f.Method) && f.inventory != nil {
		a.Inventory = new(*f.inventory)
		if o.Inventory != "" {
			a.Inventory.Name = o.Inventory
		}
	}
	if o.Examples {
		a.Examples, a.Held = f.options.Examples, f.options.Held
	}
	var err error
	if _, a.Settings, err = f.options.Settings(); err != nil {
		return nil, err
	}
	for _, s := range f.Start {
		a.Start = append(a.Start, share.Start(s))
	}
	for _, s := range f.Scores {
		a.Scores = append(a.Scores, share.Score{Name: s.Name, N: s.N, Accuracy: s.Accuracy, Balanced: s.Balanced, Exact: s.Exact, RougeL: s.RougeL, Loss: s.Loss, Classes: s.Classes})
	}
	a.Run = &share.Run{Device: f.Device, Dispatches: f.Dispatches, Trainable: f.Trainable, Stopped: f.Stopped, Kept: f.Kept, Recommended: f.recommended}
	for _, s := range f.Steps {
		a.Run.Steps = append(a.Run.Steps, share.Step{Loss: s.Loss, LR: s.LR, Norm: s.GradNorm, MS: s.MS})
	}
	for _, h := range f.HeldLosses {
		a.Run.Steps[h.Step-1].Held = &h.Loss
	}
	return a, f.pack(a)
}

// pack adds what was learned.
func (f *Fit) pack(a *share.Adapter) (err error) {
	if f.levels > 0 {
		a.Levels = f.levels
		f.mix(a)
		return nil
	}
	if f.Method == "z" && f.learned.Inventory != nil {
		a.Tensors, err = peft.WriteRouters(f.learned.Inventory)
		return err
	}
	for _, x := range f.files {
		switch x.Name {
		case "adapter_config.json":
			a.Config = x.Bytes
		case "adapter_model.safetensors":
			a.Tensors = x.Bytes
		}
	}
	return nil
}

// portable tells that the fine-tune is a routing that PEFT's POLY has: a
// mixture in each head.
func (f *Fit) portable() bool {
	if f.Method != "z" || f.learned.Inventory == nil {
		return false
	}
	_, err := f.learned.Inventory.Portable()
	return err == nil
}

// mix gives a the mixture of a routing.
func (f *Fit) mix(a *share.Adapter) {
	inv := f.learned.Inventory
	a.Sites, a.Splits, a.Skills = len(inv.Sites), inv.Splits, inv.Skills
	for _, s := range inv.Sites {
		a.Mixture = append(a.Mixture, inv.Weights(inv.Logits[s])...)
	}
}

// Mixed is Pack with the mixture where that says all: of MHR-z. Only that is
// small enough for share.Code.
func (f *Fit) Mixed(o ShareOptions) (*share.Adapter, error) {
	a, err := f.Pack(o)
	if err == nil && a.Mixture == nil && f.portable() {
		a.Tensors = nil
		f.mix(a)
	}
	return a, err
}

// Share is a fine-tune as a code for a link, with what that says: the mixture
// in told.Levels-ths.
func (f *Fit) Share(o ShareOptions) (code string, told *share.Adapter, err error) {
	a, err := f.Mixed(o)
	if err != nil {
		return "", nil, err
	}
	return share.Code(a, share.MostCode)
}

// Agreement judges the rows that a fine-tune was scored on by what a code of it
// tells, and counts the predictions that are the same. Of a fine-tune without
// such rows it counts 0 of 0.
func (e *Engine) Agreement(ctx context.Context, f *Fit, told *share.Adapter) (same, of int, err error) {
	i := slices.IndexFunc(f.Scores, func(s ScoreRow) bool { return s.Name == "adapted" })
	if i < 0 || len(f.held) == 0 || len(f.Scores[i].Rows) != len(f.held) {
		return 0, 0, nil
	}
	got, err := e.Restore(told)
	if err != nil {
		return 0, 0, err
	}
	defer e.lock()()
	if err := e.dev.ready(ctx); err != nil {
		return 0, 0, err
	}
	defer e.dev.saw(&err)
	defer e.Free(got.Adapter)
	row, err := e.evaluate(ctx, got.Adapter, f.held, f.labels, EvalOptions{Instruction: f.options.Instruction, Truncate: f.options.Truncate})
	if err != nil {
		return 0, 0, err
	}
	for k, p := range row.Rows {
		if of++; p.Got == f.Scores[i].Rows[k].Got {
			same++
		}
	}
	return same, of, nil
}

// Restore makes a fine-tune of what was packed or shared. It wants the base
// and the inventory that it was made with.
func (e *Engine) Restore(a *share.Adapter) (*Fit, error) {
	if !slices.Contains([]string{"z", "mu", "lora", "ia3"}, a.Method) {
		return nil, fault.Unsupportedf("link", "method %.20q, want z, mu, lora or ia3", a.Method).Next("get a newer version of this program")
	}
	base, inventory, err := e.Identity()
	if err == nil {
		err = stands(a, base, inventory)
	}
	if err != nil {
		return nil, err
	}
	o, err := optionsOf(a.Method, a.Settings)
	if err != nil {
		return nil, err
	}
	o.Instruction, o.Examples, o.Held = a.Instruction, a.Examples, a.Held
	f := &Fit{Method: a.Method, options: o, prompted: a.Options, levels: a.Levels, Device: e.dev.Info(), base: base, inventory: inventory}
	for _, s := range a.Start {
		f.Start = append(f.Start, StartRow(s))
	}
	for _, s := range a.Scores {
		f.Scores = append(f.Scores, ScoreRow{Name: s.Name, N: s.N, Accuracy: s.Accuracy, Balanced: s.Balanced, Exact: s.Exact, RougeL: s.RougeL, Loss: s.Loss, Classes: s.Classes})
	}
	if r := a.Run; r != nil {
		f.Device, f.Dispatches, f.Trainable, f.Stopped, f.recommended = r.Device, r.Dispatches, r.Trainable, r.Stopped, r.Recommended
		f.Kept = cmp.Or(r.Kept, len(r.Steps))
		for i, s := range r.Steps {
			f.Steps = append(f.Steps, StepEvent{Step: i + 1, Loss: s.Loss, LR: s.LR, GradNorm: s.Norm, MS: s.MS})
			f.Losses = append(f.Losses, s.Loss)
			if s.Held != nil {
				f.HeldLosses = append(f.HeldLosses, HeldStep{Step: i + 1, Loss: *s.Held})
			}
		}
	}
	learned, err := e.learned(a, o)
	if err != nil {
		return nil, err
	}
	if a.Run == nil {
		f.Trainable = len(a.Mixture)
	}
	if err := f.finish(learned); err != nil {
		return nil, err
	}
	f.Adapter.instruction, f.Adapter.options = a.Instruction, a.Options
	return f, nil
}

// stands holds a fine-tune against what is open.
func stands(a *share.Adapter, base share.Weights, inv *share.Weights) error {
	if !a.Base.Is(base) {
		return fault.Inputf("link", "made for the base %q (sha256 %.12s…), got %q (sha256 %.12s…)", a.Base.Name, a.Base.SHA256, base.Name, base.SHA256).Next("open it with that base")
	}
	switch {
	case a.Inventory == nil || a.Config != nil: // tensors of their own
	case inv == nil:
		return fault.Inputf("link", "made with the skills %q (sha256 %.12s…), got none", a.Inventory.Name, a.Inventory.SHA256).Next("open that inventory")
	case !a.Inventory.Is(*inv):
		return fault.Inputf("link", "made with the skills %q (sha256 %.12s…), got %q (sha256 %.12s…)", a.Inventory.Name, a.Inventory.SHA256, inv.Name, inv.SHA256).Next("open that inventory")
	}
	return nil
}

// learned reads what was learned.
func (e *Engine) learned(a *share.Adapter, o AdaptOptions) (*tune.Learned, error) {
	if a.Config != nil {
		return e.tensors(a)
	}
	if a.Method != "z" || e.inv == nil || a.Inventory == nil {
		return nil, fault.Inputf("link", "method %.20q without an adapter_config.json", a.Method)
	}
	if a.Levels == 0 {
		z, err := peft.ReadRouters(a.Tensors, e.inv)
		if err != nil {
			return nil, err
		}
		return tune.Routed(e.inv.Routed(o.routing()).WithLogits(z))
	}
	inv, z := e.inv, map[string][]float32{}
	if a.Sites != len(inv.Sites) || a.Splits != inv.Splits || a.Skills != inv.Skills {
		return nil, fault.Inputf("link", "%d sites × %d heads × %d skills, the inventory has %d × %d × %d", a.Sites, a.Splits, a.Skills, len(inv.Sites), inv.Splits, inv.Skills)
	}
	for i, s := range inv.Sites {
		qs := inv.Splits * inv.Skills
		z[s] = skill.Logits(a.Mixture[i*qs:(i+1)*qs], inv.Skills)
	}
	return tune.Routed(inv.WithLogits(z))
}

// tensors reads a LORA or IA3, and holds it against the base.
func (e *Engine) tensors(a *share.Adapter) (*tune.Learned, error) {
	l, err := readLearned(format.Folder{{Name: "adapter_config.json", Blob: format.BytesBlob(a.Config)}, {Name: "adapter_model.safetensors", Blob: format.BytesBlob(a.Tensors)}})
	switch {
	case err != nil:
		return nil, err
	case l.Inventory != nil:
		return nil, fault.Inputf("link", "an inventory, want LORA or IA3")
	case l.IA3 != nil:
		v := l.IA3
		return l, skill.CheckSites("link", v.Sites, v.Dims, e.dims(), v.Targets, v.Regex)
	}
	s := l.Single
	return l, skill.CheckSites("link", s.Sites, s.Dims, e.dims(), s.Targets, s.Regex)
}

// readShared reads a .handful file; nil where the folder is something else.
func readShared(f format.Folder) (*share.Adapter, error) {
	if len(f) != 1 || format.SniffBlob(f[0]) != "handful" {
		return nil, nil
	}
	b, err := format.ReadAll("link", f[0], share.MostFile)
	if err != nil {
		return nil, err
	}
	return share.Decode(b)
}
