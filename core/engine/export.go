package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	"handful/core/format/peft"
	"handful/core/tune"
)

// finish keeps what was learned: the adapter to run, its routing and its files.
func (f *Fit) finish(l *tune.Learned) error {
	f.learned = l
	switch {
	case l.Single != nil:
		f.Adapter = singleAdapter(f.Method, l.Single)
	case l.IA3 != nil:
		f.Adapter = ia3Adapter(f.Method, l.IA3)
	default:
		f.Adapter = routedAdapter(f.Method, l.Inventory)
	}
	if l.Inventory != nil {
		f.Routing = routingOf(l.Inventory, f.Kept)
	}
	files, err := adapterFiles(l)
	if err != nil {
		return err
	}
	var log strings.Builder
	held := f.HeldLosses
	for _, s := range f.Steps {
		line := map[string]any{"step": s.Step, "loss": s.Loss, "lr": s.LR, "grad_norm": s.GradNorm, "ms": s.MS}
		if len(held) > 0 && held[0].Step == s.Step {
			line["held_loss"], held = held[0].Loss, held[1:]
		}
		b, err := json.Marshal(line)
		if err != nil {
			return err
		}
		log.Write(append(b, '\n'))
	}
	r := map[string]any{"method": f.Method, "device": f.Device.Kind, "adapter": f.Device.Name, "backend": f.Device.Backend,
		"kernel_family": f.Device.Family, "dispatches": f.Dispatches}
	names, values, err := f.options.Settings()
	if err != nil {
		return err
	}
	r["settings"], r["base"] = values, f.base
	if f.inventory != nil {
		r["inventory"] = f.inventory
	}
	if len(f.Start) > 0 {
		r["start"] = f.Start
	}
	if f.Routing != nil {
		r["sites"], r["weights"] = f.Routing.Sites, f.Routing.W
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	for i := range files {
		if files[i].Name == "README.md" {
			files[i].Bytes = append(files[i].Bytes, f.made(names, values)...)
		}
	}
	f.files = append(files, File{"train.jsonl", []byte(log.String())}, File{"routing.json", append(b, '\n')})
	return nil
}

// made is the card's part on how it was made.
func (f *Fit) made(names []string, values map[string]json.RawMessage) string {
	var said []string
	for _, n := range names {
		if v := string(values[n]); v != "false" {
			said = append(said, flagOf(n)+" "+strings.Trim(v, `"`))
		}
	}
	s := "\n## How it was made\n\nMethod " + f.Method + ": " + strings.Join(said, ", ") + "."
	if len(f.recommended) > 0 {
		s += " As the inventory recommends: " + strings.Join(f.recommended, ", ") + "."
	}
	if f.Stopped {
		s += fmt.Sprintf(" Stopped after step %d.", len(f.Steps))
	}
	if f.Kept < len(f.Steps) {
		s += fmt.Sprintf(" Kept is the state after step %d, of the lowest loss on held-out rows.", f.Kept)
	}
	return s + "\n"
}

// adapterFiles are a fine-tune's PEFT folders: POLY for z and mhr, LORA for mu
// and lora, IA3 for ia3, and under lora/ the LORA that z's routing collapses
// to. z with routers that POLY has no form for is that LORA alone.
func adapterFiles(l *tune.Learned) (out []File, err error) {
	add := func(dir string, files []peft.File, err error) error {
		for _, f := range files {
			out = append(out, File{dir + f.Name, f.Bytes})
		}
		return err
	}
	dir := ""
	if l.Inventory != nil {
		inv, err := l.Inventory.Portable()
		switch {
		case err == nil:
			inv.Manifest = nil
			files, err := peft.WritePoly(inv)
			if err := add("", files, err); err != nil {
				return nil, err
			}
			dir = "lora/"
		case l.Single == nil:
			return nil, err
		}
	}
	if l.Single != nil {
		files, err := peft.WriteLoRA(l.Single)
		if err := add(dir, files, err); err != nil {
			return nil, err
		}
	}
	if l.IA3 != nil {
		files, err := peft.WriteIA3(l.IA3)
		if err := add("", files, err); err != nil {
			return nil, err
		}
	}
	return out, nil
}
