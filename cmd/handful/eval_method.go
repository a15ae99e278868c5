package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"handful/core/engine"
)

// evalMethod is a method as --method names it: [INVENTORY/]METHOD[:KEY=VALUE,…].
type evalMethod struct {
	Name      string // all of it
	Inventory string // "" is the first
	Method    string
	settings  [][2]string // of adapt, by its flags' names
}

func (m *evalMethod) trains() bool {
	return !slices.Contains([]string{"base", "mean", "file", "icl", "best-task"}, m.Method)
}

func (m *evalMethod) needsShots() bool {
	return m.trains() || m.Method == "icl" || m.Method == "best-task"
}

func (m *evalMethod) needsInventory() bool {
	return !slices.Contains([]string{"base", "file", "icl", "lora", "ia3"}, m.Method)
}

// parseMethods reads methods and their settings from values of --method. Both
// are parted by commas: what has = before any : is a setting of the method
// before it.
func parseMethods(specs []string) (out []evalMethod, err error) {
	for _, s := range strings.Split(strings.Join(specs, ","), ",") {
		if s == "" {
			continue
		}
		at := strings.IndexAny(s, ":=")
		setting := s
		if at < 0 || s[at] == ':' {
			name, first, some := strings.Cut(s, ":")
			m := evalMethod{Method: name}
			if inv, method, ok := strings.Cut(name, "/"); ok {
				m.Inventory, m.Method = inv, method
			}
			m.Name = name
			out = append(out, m)
			if setting = first; !some {
				continue
			}
		}
		key, value, ok := strings.Cut(setting, "=")
		if !ok || key == "" || len(out) == 0 {
			return nil, fmt.Errorf("--method: got %q, want METHOD:KEY=VALUE,KEY=VALUE", s)
		}
		m := &out[len(out)-1]
		sign := ","
		if len(m.settings) == 0 {
			sign = ":"
		}
		m.Name += sign + setting
		m.settings = append(m.settings, [2]string{key, value})
	}
	return out, nil
}

// fixed are options that eval sets itself.
var fixed = []string{"examples", "option", "options", "method", "held", "holdout", "instruction", "score", "seed", "shots", "save-steps", "truncate", "routing-every"}

// options are what a method trains with: eval's flags and the method's own
// settings go before what the inventory of e recommends. nil: none is open yet.
func (v *evalFlags) options(e *engine.Engine, m evalMethod, instruction string) (engine.AdaptOptions, error) {
	method := m.Method
	if method == "z-random" {
		method = "z"
	}
	o := engine.Defaults(method)
	if e != nil {
		o = e.Defaults(method)
	}
	o.Instruction, o.Truncate = instruction, v.o.Truncate
	if v.stepsSet {
		o.Steps = v.steps
	}
	if v.lrSet {
		o.LR = v.lr
	}
	if v.routerSet {
		o.RouterLR = v.routerLR
	}
	for _, s := range m.settings {
		if slices.Contains(fixed, s[0]) || set(&o, s[0], s[1]) != nil {
			return o, fmt.Errorf("--method %s: no setting %s=%s; want a flag of adapt with a value that it takes", m.Name, s[0], s[1])
		}
	}
	return o, nil
}

// set gives an option by its flag's name. A value that is no JSON of the
// option's type is taken as text.
func set(o *engine.AdaptOptions, flag, value string) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	for _, raw := range []string{value, string(text), "[" + string(text) + "]"} {
		if err = o.Set(flag, json.RawMessage(raw)); err == nil {
			return nil
		}
	}
	return err
}

// inventoryList is a flag of folders, each with a name or without.
type inventoryList []struct{ name, dir string }

// Set adds a value: DIR or NAME=DIR.
func (l *inventoryList) Set(s string) error {
	name, dir, ok := strings.Cut(s, "=")
	if !ok || strings.ContainsAny(name, `/\`) { // a = further down in a path
		name, dir = "", s
	}
	if dir == "" {
		return fmt.Errorf("got %q, want DIR or NAME=DIR", s)
	}
	if l.index(name) >= 0 {
		return fmt.Errorf("two have the name %q, want NAME=DIR", name)
	}
	*l = append(*l, struct{ name, dir string }{name, dir})
	return nil
}

func (l *inventoryList) String() string {
	var s []string
	for _, x := range *l {
		s = append(s, x.dir)
	}
	return strings.Join(s, ",")
}

// Type is what help calls the value.
func (l *inventoryList) Type() string { return "string" }

func (l *inventoryList) index(name string) int {
	for i, x := range *l {
		if x.name == name {
			return i
		}
	}
	return -1
}

func (l *inventoryList) first() string {
	if len(*l) == 0 {
		return ""
	}
	return (*l)[0].dir
}
