package engine

import (
	"context"
	"io"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/adapter"
	"handful/core/format/hf"
	"handful/core/format/peft"
	"handful/core/format/safetensors"
	"handful/core/skill"
	"handful/core/tensor"
)

// ConvertOptions say what an adapter becomes.
type ConvertOptions struct {
	To    string `json:"to"`    // peft-lora, peft-poly, peft-ia3, gguf-lora, merged
	Task  string `json:"task"`  // of several in an inventory: a name or row, or mean
	DType string `json:"dtype"` // of merged: F32 (the default), F16, BF16
}

// Targets are the formats that ConvertOptions.To names.
var Targets = []string{"peft-lora", "peft-poly", "peft-ia3", "gguf-lora", "merged"}

// NeedsBase tells whether a format wants the base: for its weights, or for how
// its heads are laid out.
func (o ConvertOptions) NeedsBase() bool { return o.To == "merged" || o.To == "gguf-lora" }

// Sink takes a file of a result: write is called with where its bytes go. Large
// files come in pieces of about a megabyte.
type Sink func(name string, write func(io.Writer) error) error

// Convert opens an adapter or inventory and writes it in another format.
func Convert(ctx context.Context, in, base format.Folder, o ConvertOptions, put Sink) error {
	in, err := in.Expand()
	if err != nil {
		return err
	}
	a, err := adapter.Open(in)
	if err != nil {
		return err
	}
	x := held{inv: a.Inventory, single: a.Single, ia3: a.IA3, name: a.Name}
	if o.NeedsBase() {
		if x.base, err = base.Expand(); err != nil {
			return err
		}
		if x.ckpt, err = hf.Open(x.base); err != nil {
			return err
		}
	}
	return x.convert(ctx, o, put)
}

// ExportAs writes a fine-tune in another format, with the open base.
func (e *Engine) ExportAs(ctx context.Context, f *Fit, o ConvertOptions, put Sink) error {
	l := f.learned
	x := held{single: l.Single, ia3: l.IA3, ckpt: e.ckpt, base: e.base, name: "handful-" + f.Method}
	if l.Single == nil || o.To == "peft-poly" {
		x.inv = l.Inventory
	}
	return x.convert(ctx, o, put)
}

// held is what is converted, one of the first three.
type held struct {
	inv    *skill.Inventory
	single *skill.Single
	ia3    *skill.IA3
	name   string
	ckpt   *hf.Checkpoint
	base   format.Folder
}

func (x held) convert(ctx context.Context, o ConvertOptions, put Sink) error {
	whole := func(files []peft.File, err error) error {
		for _, f := range files {
			if err == nil {
				err = put(f.Name, func(w io.Writer) error { _, err := w.Write(f.Bytes); return err })
			}
		}
		return err
	}
	switch o.To {
	case "peft-ia3":
		if x.ia3 == nil {
			return fault.Inputf("convert", "the adapter is no (IA)³").Next("take --to peft-lora or peft-poly")
		}
		return whole(peft.WriteIA3(x.ia3))
	case "peft-poly":
		inv, err := x.inventory()
		if err != nil {
			return err
		}
		return whole(peft.WriteInventory(inv))
	case "merged":
		if x.ia3 != nil {
			return x.merged(ctx, nil, o, put)
		}
	}
	s, err := x.lora(o.Task)
	if err != nil {
		return err
	}
	switch o.To {
	case "peft-lora":
		return whole(peft.WriteLoRA(s))
	case "gguf-lora":
		return put("adapter.gguf", func(w io.Writer) error { return hf.WriteGGUFLoRA(stopping{ctx, w}, x.ckpt.Config, s, x.name) })
	case "merged":
		return x.merged(ctx, s, o, put)
	}
	return fault.Inputf("convert", "--to %q, want %s", o.To, strings.Join(Targets, ", "))
}

// inventory is what PEFT's POLY can hold.
func (x held) inventory() (*skill.Inventory, error) {
	if x.inv != nil {
		return x.inv.Portable()
	}
	if x.single == nil {
		return nil, fault.Inputf("convert", "(IA)³ has no skills").Next("take --to peft-ia3 or merged")
	}
	inv, err := skill.Stack([]*skill.Single{x.single}, 1)
	if err == nil {
		inv.Manifest = &skill.Manifest{Name: x.name, Tasks: []string{x.name}}
	}
	return inv, err
}

// lora is the one LoRA, or what an inventory collapses to for a task.
func (x held) lora(task string) (*skill.Single, error) {
	inv := x.inv
	switch {
	case x.single != nil && inv == nil:
		return x.single, nil
	case inv == nil:
		return nil, fault.Inputf("convert", "(IA)³ is no LoRA").Next("take --to peft-ia3 or merged")
	case task == "mean":
		return inv.Collapse(inv.Uniform()), nil
	case task == "" && inv.Trained().Tasks != 1:
		return nil, fault.Inputf("convert", "an inventory of %d tasks, want one of them", inv.Trained().Tasks).Next("give --task ID, or --task mean")
	case task == "":
		task = "0"
	}
	z, err := inv.Task(task)
	if err != nil {
		return nil, err
	}
	one := inv.WithLogits(z)
	w, err := one.Row(0)
	if err != nil {
		return nil, err
	}
	return one.Collapse(w), nil
}

// dtypes are the types of a merged base, by name, and what config.json calls
// them.
var dtypes = map[string]struct {
	dt   tensor.DType
	name string
}{"": {tensor.F32, "float32"}, "F32": {tensor.F32, "float32"}, "F16": {tensor.F16, "float16"}, "BF16": {tensor.BF16, "bfloat16"}}

// merged writes a Hugging Face folder of the base with the adapter in its
// weights.
func (x held) merged(ctx context.Context, s *skill.Single, o ConvertOptions, put Sink) error {
	t, ok := dtypes[o.DType]
	if !ok {
		return fault.Inputf("convert", "--dtype %q, want F32, F16 or BF16", o.DType)
	}
	files, err := x.ckpt.Files(x.base, t.name)
	if err != nil {
		return err
	}
	ts, err := x.ckpt.Merged(t.dt, s, x.ia3)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := put(f.Name, func(w io.Writer) error { _, err := w.Write(f.Bytes); return err }); err != nil {
			return err
		}
	}
	return put("model.safetensors", func(w io.Writer) error {
		return safetensors.Write(stopping{ctx, w}, ts, map[string]string{"format": "pt"})
	})
}

// stopping is a writer that ends with its context.
type stopping struct {
	ctx context.Context
	io.Writer
}

func (w stopping) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, fault.From("convert", err)
	}
	return w.Writer.Write(p)
}
