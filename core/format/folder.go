package format

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"handful/core/fault"
)

// Folder is a picked folder, or a few files, in any order.
type Folder []NamedBlob

// maxJSON bounds the JSON files that are read whole: configs, shard indexes,
// manifests. The largest public index is below 5 MB.
const maxJSON = 16 << 20

// depth counts the directories above a file.
func depth(name string) int { return strings.Count(name, "/") }

// Find gives the file with this base name, at the shallowest depth.
func (f Folder) Find(name string) (best NamedBlob, ok bool) {
	for _, b := range f {
		if path.Base(b.Name) == name && (!ok || depth(b.Name) < depth(best.Name)) {
			best, ok = b, true
		}
	}
	return best, ok
}

// Beside gives the files that lie in the same directory as name. What belongs
// to a config is looked for there, never in another adapter's folder below.
func (f Folder) Beside(name string) (out Folder) {
	for _, b := range f {
		if path.Dir(b.Name) == path.Dir(name) {
			out = append(out, b)
		}
	}
	return out
}

// Ext lists the files with an extension such as ".gguf".
func (f Folder) Ext(ext string) (out Folder) {
	for _, b := range f {
		if strings.EqualFold(path.Ext(b.Name), ext) {
			out = append(out, b)
		}
	}
	return out
}

// Kind lists the files whose content is of a kind, as Sniff names it.
func (f Folder) Kind(kind string) (out Folder) {
	for _, b := range f {
		if SniffBlob(b) == kind {
			out = append(out, b)
		}
	}
	return out
}

// Names lists the files for messages, at most a few.
func (f Folder) Names() string {
	var n []string
	for i, b := range f {
		if i == 6 {
			n = append(n, "…")
			break
		}
		n = append(n, b.Name)
	}
	if n == nil {
		return "no files"
	}
	return strings.Join(n, ", ")
}

// Object is a JSON object whose values are not read yet.
type Object map[string]json.RawMessage

// FindObject finds a JSON object by its base name or, where no file is called
// so, by its keys: the shallowest file that has them all. A browser may have
// saved "config.json" as "config (1).json". ok is false when there is neither.
func (f Folder) FindObject(op, name string, keys ...string) (b NamedBlob, o Object, ok bool, err error) {
	if b, ok = f.Find(name); ok {
		o, err = ReadObject(op, b)
		return b, o, err == nil, err
	}
	for _, c := range f.Kind("json") {
		x, err := ReadObject(op, c)
		missing := func(k string) bool { _, has := x[k]; return !has }
		if err != nil || slices.ContainsFunc(keys, missing) {
			continue // another JSON file: a tokenizer, rows of examples
		}
		if !ok || depth(c.Name) < depth(b.Name) {
			b, o, ok = c, x, true
		}
	}
	return b, o, ok, nil
}

// ReadObject reads a file that holds one JSON object.
func ReadObject(op string, b NamedBlob) (o Object, err error) {
	raw, err := ReadText(op, b, maxJSON)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		if SniffBlob(b) != "json" {
			return nil, NotA(op, "a JSON object", b)
		}
		return nil, fault.Inputf(op, "malformed, want a JSON object: %w", err).Next("get the file again")
	}
	if o == nil {
		return nil, fault.Inputf(op, "null, want a JSON object").Next("get the file again")
	}
	return o, nil
}
