// Package peft reads and writes Hugging Face PEFT adapter folders: POLY (an
// inventory of skills, tuners/poly) and LORA.
package peft

import (
	"encoding/json"
	"fmt"
	"sort"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
)

const (
	op        = "adapter_config.json"
	maxConfig = 4 << 20
	prefix    = "base_model.model."
)

// config is adapter_config.json with everything in it.
type config map[string]json.RawMessage

func readConfig(f format.Folder) (config, error) {
	b, ok := f.Find("adapter_config.json")
	if !ok {
		for _, ext := range []string{".bin", ".pt", ".ckpt"} {
			if p := f.Ext(ext); len(p) > 0 {
				return nil, fault.Unsupportedf("adapter", "%s is a pickle, which can run code; want a PEFT folder", p[0].Name).Next("convert it to safetensors first")
			}
		}
		return nil, fault.Inputf("adapter", "got %s; want adapter_config.json and adapter_model.safetensors", f.Names()).Next("choose the whole PEFT folder")
	}
	raw, err := format.ReadAll(op, b, maxConfig)
	if err != nil {
		return nil, err
	}
	var c config
	if err := json.Unmarshal(raw, &c); err != nil || c == nil {
		return nil, fault.Inputf(op, "malformed: %v", err)
	}
	return c, nil
}

// Type gives peft_type, POLY or LORA for what can be read here.
func Type(f format.Folder) (string, error) {
	c, err := readConfig(f)
	if err != nil {
		return "", err
	}
	return c.str("peft_type"), nil
}

func (c config) str(key string) string {
	var s string
	_ = json.Unmarshal(c[key], &s) // null and other types read as ""
	return s
}

// count reads a positive whole number of at most limit.
func (c config) count(key string, limit int) (int, error) {
	var n int
	if err := json.Unmarshal(c[key], &n); err != nil || n < 1 || n > limit {
		return 0, fault.Inputf(op, "%s is %s, want a whole number from 1 to %d", key, orNone(c[key]), limit)
	}
	return n, nil
}

func orNone(r json.RawMessage) string {
	if len(r) == 0 {
		return "missing"
	}
	return string(r[:min(40, len(r))])
}

// targets reads target_modules: a list of suffixes or one regular expression.
func (c config) targets() (list []string, regex bool, err error) {
	var one string
	if json.Unmarshal(c["target_modules"], &one) == nil && one != "" {
		return []string{one}, true, nil
	}
	if err := json.Unmarshal(c["target_modules"], &list); err != nil || len(list) == 0 {
		return nil, false, fault.Inputf(op, "target_modules is %s, want a list of names or one regex", orNone(c["target_modules"]))
	}
	sort.Strings(list)
	return list, false, nil
}

// refuse names the first key that asks for something we would not honour:
// every key but the known ones must be null, false, 0, "" or empty.
func (c config) refuse(known ...string) error {
	ok := map[string]bool{}
	for _, k := range known {
		ok[k] = true
	}
	var keys []string
	for k := range c {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if ok[k] {
			continue
		}
		switch string(c[k]) {
		case "null", "false", "0", "0.0", `""`, "[]", "{}":
		default:
			return fault.Unsupportedf(op, "%s is %s, which would not be honoured", k, orNone(c[k])).Next("save the adapter without it")
		}
	}
	return nil
}

// is wants a key to have one of these JSON values or be missing.
func (c config) is(key string, values ...string) error {
	got, have := c[key]
	if !have {
		return nil
	}
	for _, v := range values {
		if string(got) == v {
			return nil
		}
	}
	return fault.Unsupportedf(op, "%s is %s, want %s", key, orNone(got), values[0])
}

// weights opens adapter_model.safetensors.
func weights(f format.Folder) (*safetensors.File, error) {
	b, ok := f.Find("adapter_model.safetensors")
	if !ok {
		if p, pickled := f.Find("adapter_model.bin"); pickled {
			return nil, fault.Unsupportedf("adapter", "%s is a pickle, which can run code; want adapter_model.safetensors", p.Name).Next("save it with safe_serialization")
		}
		return nil, fault.Inputf("adapter", "got %s; want adapter_model.safetensors", f.Names()).Next("choose the whole PEFT folder")
	}
	return safetensors.Open(b)
}

// finite reads a tensor as float32 and refuses NaN and infinities by count.
func finite(f *safetensors.File, name string) ([]float32, error) {
	v, err := f.F32(name)
	if err != nil {
		return nil, err
	}
	bad := 0
	for _, x := range v {
		if x-x != 0 {
			bad++
		}
	}
	if bad > 0 {
		return nil, fault.Inputf("adapter", "%s holds %d values that are not finite", name, bad)
	}
	return v, nil
}

func shapeError(name string, got, want []int) error {
	return fault.Inputf("adapter", "%s has shape %v, want %v", name, got, want).Next("the config and the weights do not belong together")
}

func equal(a []int, b ...int) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
