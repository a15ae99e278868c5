package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"handful/core/tune"
)

// setting is an option that training hangs on.
type setting struct {
	flag    string // of the command line
	methods string // that take it; "": all
}

// settings are Adapt's, without those that say which rows are learned from and
// what is kept of it.
var settings = []setting{
	{"steps", ""}, {"batch", ""}, {"lr", "mu mhr lora ia3"}, {"router-lr", "z mhr"}, {"weight-decay", ""}, {"clip", ""}, {"warmup", ""}, {"schedule", ""},
	{"optimizer", ""}, {"scale-parameter", ""}, {"loss", ""}, {"router-init", "z mhr"}, {"selector", "z mhr"}, {"granularity", "z mhr"}, {"relaxed", "z mhr"},
	{"order", ""}, {"rank", "lora"}, {"alpha", "lora"}, {"targets", "lora ia3"}, {"seed", ""},
}

func (s setting) of(method string) bool {
	return s.methods == "" || slices.Contains(strings.Fields(s.methods), method)
}

// name is the setting's name in files: router-lr is router_lr.
func (s setting) name() string { return strings.ReplaceAll(s.flag, "-", "_") }

// flagOf is the flag of a setting's name in files.
func flagOf(name string) string { return strings.ReplaceAll(name, "_", "-") }

// Set gives an option by its flag's name; value is JSON of the option's type.
func (o *AdaptOptions) Set(flag string, value json.RawMessage) error {
	if !json.Valid(value) || string(bytes.TrimSpace(value)) == "null" {
		return fmt.Errorf("got %q, want a value", value)
	}
	name, err := json.Marshal(camel(flag))
	if err != nil {
		return err
	}
	next := *o // shares what pointers point at
	next.Targets, next.SaveSteps = slices.Clone(o.Targets), slices.Clone(o.SaveSteps)
	if o.WeightDecay != nil {
		next.WeightDecay = new(*o.WeightDecay)
	}
	d := json.NewDecoder(strings.NewReader("{" + string(name) + ":" + string(value) + "}"))
	d.DisallowUnknownFields()
	if err := d.Decode(&next); err != nil {
		return err
	}
	*o = next
	return nil
}

// camel is a flag's name in JSON: router-lr is routerLr.
func camel(flag string) string {
	parts := strings.Split(flag, "-")
	for i, p := range parts[1:] {
		if parts[i+1] = "-"; p != "" { // a flag has no two in a row
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// Settings are those that o.Method takes, by their names in files and in the
// order of the flags, as JSON.
func (o AdaptOptions) Settings() (names []string, values map[string]json.RawMessage, err error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, nil, err
	}
	values = map[string]json.RawMessage{}
	for _, s := range settings {
		if s.flag == "scale-parameter" && o.Optimizer != tune.Adafactor {
			continue
		}
		if v := all[camel(s.flag)]; s.of(o.Method) && string(v) != "null" {
			names, values[s.name()] = append(names, s.name()), v
		}
	}
	return names, values, nil
}
