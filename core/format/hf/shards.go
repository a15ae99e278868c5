package hf

import (
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/format/torch"
	"handful/core/tensor"
)

const indexName = "model.safetensors.index.json"

// weights opens model.safetensors, or exactly the shards that the index names,
// or pytorch_model.bin. Other files beside them are ignored. A lone safetensors file under another
// name is taken for the weights.
func (c *Checkpoint) weights(f format.Folder) error {
	if b, ok := f.Find("model.safetensors"); ok {
		_, err := c.add(b, nil)
		return err
	}
	_, index, ok, err := f.FindObject(indexName, indexName, "weight_map")
	if err != nil {
		return err
	}
	if ok {
		return c.shards(f, index)
	}
	switch st := f.Kind("safetensors"); len(st) {
	case 0:
	case 1:
		_, err := c.add(st[0], nil)
		return err
	default:
		return fault.Inputf("base", "got %s; want model.safetensors, or %s that names its parts", st.Names(), indexName).Next("add the index")
	}
	if b, ok := f.Find("pytorch_model.bin"); ok {
		_, err := c.add(b, nil)
		return err
	}
	if p := f.Kind("pickle"); len(p) == 1 {
		_, err := c.add(p[0], nil)
		return err
	}
	return fault.Inputf("base", "got %s; want model.safetensors or %s", f.Names(), indexName).Next("choose the whole folder of the model")
}

// add opens a file's tensors, all or those that only names. It gives what of
// only is missing.
func (c *Checkpoint) add(b format.NamedBlob, only map[string]bool) (missing []string, err error) {
	s, err := openTensors(b)
	if err != nil {
		return nil, format.In(path.Base(b.Name), err)
	}
	c.Parts = append(c.Parts, b)
	names := s.Names()
	if only != nil {
		names = names[:0:0]
		for n := range only {
			if s.Has(n) {
				names = append(names, n)
			} else {
				missing = append(missing, n)
			}
		}
	}
	for _, n := range names {
		c.open[n] = func() (tensor.Source, error) { return s.Tensor(n) }
		c.bytes += s.Size(n)
	}
	c.names = append(c.names, names...)
	return missing, nil
}

// tensors is a file of weights.
type tensors interface {
	Names() []string
	Has(name string) bool
	Size(name string) int64
	Tensor(name string) (tensor.Source, error)
}

// openTensors opens safetensors, or a state_dict of torch.save.
func openTensors(b format.NamedBlob) (tensors, error) {
	if format.SniffBlob(b) == "pickle" {
		s, err := torch.OpenState(b)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := safetensors.Open(b)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// shards opens what an index names, and says everything that is missing.
func (c *Checkpoint) shards(f format.Folder, index format.Object) error {
	var tensors map[string]string // to the file that holds it
	if !given(index["weight_map"]) {
		return fault.Inputf(indexName, "no weight_map").Next("get the file again")
	}
	if err := json.Unmarshal(index["weight_map"], &tensors); err != nil {
		return fault.Inputf(indexName, "weight_map: %w; want file names by tensor", err).Next("get the file again")
	}
	if len(tensors) == 0 {
		return fault.Inputf(indexName, "no weight_map").Next("get the file again")
	}
	files := map[string]map[string]bool{}
	for name, file := range tensors {
		if files[file] == nil {
			files[file] = map[string]bool{}
		}
		files[file][name] = true
	}
	var order, missing []string
	for file := range files {
		order = append(order, file)
	}
	sort.Strings(order)
	for _, file := range order {
		if _, ok := f.Find(file); !ok {
			missing = append(missing, fmt.Sprintf("%.100q", file))
		}
	}
	if len(missing) > 0 {
		return fault.Inputf("base", "the index names %s, which the folder does not hold (%d of %d files)", few(missing), len(missing), len(files)).Next("get the missing files")
	}
	for _, file := range order {
		b, _ := f.Find(file)
		gone, err := c.add(b, files[file])
		if err != nil {
			return err
		}
		for _, n := range gone {
			missing = append(missing, fmt.Sprintf("%.100q in %s", n, file))
		}
	}
	if len(missing) > 0 {
		return fault.Inputf("base", "the index names %s, which is not there", few(missing)).Next("the index belongs to other files; get it again")
	}
	return nil
}

// few lists at most a handful of things.
func few(list []string) string {
	sort.Strings(list)
	if n := len(list) - shown; n > 0 {
		return strings.Join(list[:shown], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(list, ", ")
}
