// Package peft reads and writes Hugging Face PEFT adapter folders: POLY (an
// inventory of skills, tuners/poly), LORA and IA3.
package peft

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"sort"
	"strings"

	"handful/core/fault"
	"handful/core/format"
)

const (
	op     = "adapter_config.json"
	prefix = "base_model.model."
)

// config is adapter_config.json with everything in it.
type config format.Object

// readConfig finds the folder's config, by its name or by its peft_type, and
// gives it with the files that lie beside it.
func readConfig(f format.Folder) (config, format.Folder, error) {
	b, o, ok, err := f.FindObject(op, "adapter_config.json", "peft_type")
	if err != nil {
		return nil, nil, err
	}
	if ok {
		return config(o), f.Beside(b.Name), nil
	}
	const want = "adapter_config.json and adapter_model.safetensors"
	if p := f.Kind("pickle"); len(p) > 0 {
		return nil, nil, format.In(p[0].Name, format.NotA("adapter", want, p[0]))
	}
	return nil, nil, fault.Inputf("adapter", "got %s; want %s", f.Names(), want).Next("choose the whole PEFT folder")
}

// Configs lists the adapter_config.json files that lie highest among the files,
// or where no file is called so, the one that is one by its peft_type.
func Configs(f format.Folder) (found format.Folder, err error) {
	for _, b := range f {
		if path.Base(b.Name) != op {
			continue
		}
		if len(found) > 0 && strings.Count(b.Name, "/") < strings.Count(found[0].Name, "/") {
			found = nil
		}
		if len(found) == 0 || strings.Count(b.Name, "/") == strings.Count(found[0].Name, "/") {
			found = append(found, b)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	b, _, ok, err := f.FindObject(op, op, "peft_type")
	if ok {
		found = format.Folder{b}
	}
	return found, err
}

// Type gives peft_type; POLY, LORA and IA3 can be read here.
func Type(f format.Folder) (string, error) {
	c, _, err := readConfig(f)
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
		return 0, fault.Inputf(op, "%s is %s, want a whole number from 1 to %d", key, c.show(key), limit)
	}
	return n, nil
}

// show is a value for a message.
func (c config) show(key string) string {
	if len(c[key]) == 0 {
		return "missing"
	}
	return string(c[key][:min(60, len(c[key]))])
}

// targets reads target_modules: a list of suffixes or one regular expression.
func (c config) targets() (list []string, regex bool, err error) {
	var one string
	if json.Unmarshal(c["target_modules"], &one) == nil && one != "" {
		return []string{one}, true, nil
	}
	if err := json.Unmarshal(c["target_modules"], &list); err != nil || len(list) == 0 || slices.Contains(list, "") {
		return nil, false, fault.Inputf(op, "target_modules is %s, want a list of names or one regex", c.show("target_modules"))
	}
	sort.Strings(list)
	return list, false, nil
}

// refuse names the first key that asks for something we would not honour:
// every key but the known ones must be null, false, 0, "" or empty.
func (c config) refuse(known ...string) error {
	var keys []string
	for k := range c {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		if slices.Contains(known, k) {
			continue
		}
		var flat bytes.Buffer
		if err := json.Compact(&flat, c[k]); err != nil {
			return fault.Inputf(op, "%.60q: %w", k, err)
		}
		switch flat.String() {
		case "null", "false", "0", "0.0", `""`, "[]", "{}":
		default:
			return fault.Unsupportedf(op, "%.60q is %s, which would not be honoured", k, c.show(k)).Next("save the adapter without it")
		}
	}
	return nil
}

// is wants a key to have one of these JSON values or be missing.
func (c config) is(key string, values ...string) error {
	if got, have := c[key]; have && !slices.Contains(values, string(got)) {
		return fault.Unsupportedf(op, "%s is %s, want %s", key, c.show(key), values[0])
	}
	return nil
}
