package engine

import (
	"bytes"
	"encoding/json"
	"slices"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/peft"
	"handful/core/share"
	"handful/core/tune"
)

// maxLog bounds train.jsonl and routing.json of a result.
const maxLog = 256 << 20

// ReadFit reads a folder that Adapt's files were written to, to pack or share
// it. Instruction and options are not in there: they are the caller's to give.
func ReadFit(f format.Folder, instruction string, options []string) (*Fit, error) {
	const op = "routing.json"
	b, ok := f.Find(op)
	if !ok {
		return nil, fault.Inputf(op, "missing in %s", f.Names()).Next("name the folder that adapt has written")
	}
	raw, err := format.ReadText(op, b, maxLog)
	if err != nil {
		return nil, err
	}
	var r struct {
		Method    string                     `json:"method"`
		Settings  map[string]json.RawMessage `json:"settings"`
		Base      share.Weights              `json:"base"`
		Inventory *share.Weights             `json:"inventory"`
		Start     []StartRow                 `json:"start"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fault.Inputf(op, "malformed: %w", err).Next("adapt again")
	}
	if r.Base.SHA256 == "" {
		return nil, fault.Inputf(op, "it does not name the base").Next("adapt again with this version")
	}
	o, err := optionsOf(r.Method, r.Settings)
	if err != nil {
		return nil, err
	}
	o.Instruction = instruction
	fit := &Fit{Method: r.Method, options: o, prompted: options, base: r.Base, inventory: r.Inventory, Start: r.Start}
	if fit.learned, err = readLearned(f); err != nil {
		return nil, err
	}
	f = f.Beside(b.Name)
	for _, name := range []string{"adapter_config.json", "adapter_model.safetensors"} {
		x, ok := f.Find(name)
		if !ok {
			return nil, fault.Inputf("adapter", "no %s beside %s", name, op).Next("name the folder that adapt has written")
		}
		raw, err := format.ReadAll(name, x, share.MostFile)
		if err != nil {
			return nil, err
		}
		fit.files = append(fit.files, File{name, raw})
	}
	return fit, fit.readLog(f)
}

// readLearned reads a folder's adapter.
func readLearned(f format.Folder) (*tune.Learned, error) {
	kind, err := peft.Type(f)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "POLY":
		inv, err := peft.ReadInventory(f)
		if err != nil {
			return nil, err
		}
		return tune.Routed(inv)
	case "IA3":
		v, err := peft.ReadIA3(f)
		return &tune.Learned{IA3: v}, err
	}
	s, err := peft.ReadLoRA(f)
	return &tune.Learned{Single: s}, err
}

// readLog reads train.jsonl, where it is there.
func (f *Fit) readLog(dir format.Folder) error {
	const op = "train.jsonl"
	b, ok := dir.Find(op)
	if !ok {
		return nil
	}
	raw, err := format.ReadText(op, b, maxLog)
	if err != nil {
		return err
	}
	for i, line := range slices.Collect(bytes.Lines(raw)) {
		var s struct {
			Step     int     `json:"step"`
			Loss     float64 `json:"loss"`
			LR       float64 `json:"lr"`
			GradNorm float64 `json:"grad_norm"`
			MS       float64 `json:"ms"`
		}
		if err := json.Unmarshal(line, &s); err != nil {
			return fault.Inputf(op, "line %d: %w", i+1, err).Next("adapt again")
		}
		f.Steps = append(f.Steps, StepEvent(s))
		f.Losses = append(f.Losses, s.Loss)
	}
	return nil
}

// optionsOf are a method's settings, by their names in files.
func optionsOf(method string, values map[string]json.RawMessage) (AdaptOptions, error) {
	o := Defaults(method)
	for name, value := range values {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.name() == name })
		if i < 0 {
			return o, fault.Unsupportedf("settings", "no setting %.40q", name).Next("get a newer version of this program")
		}
		if err := o.Set(settings[i].flag, value); err != nil {
			return o, fault.Inputf("settings", "got %.40s for %s, want a value that --%s takes", value, name, settings[i].flag)
		}
	}
	if err := o.Check(); err != nil {
		return o, fault.Inputf("settings", "%w", err)
	}
	return o, nil
}
