package peft

import (
	"bytes"
	"encoding/json"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/skill"
)

const (
	keyA = ".poly_lora_A"
	keyB = ".poly_lora_B"
	keyZ = ".poly_router.module_logits"
)

// Most that a config may claim.
const (
	maxRank  = 1 << 12
	maxCount = 1 << 16
	maxAlpha = 1 << 20
)

// ReadInventory reads a POLY folder (METHOD B2): per adapted linear
// poly_lora_A [q, s, in/q, r], poly_lora_B [q, s, r, out/q] and module_logits
// [t, q·s]; with manifest.json, task_rows.safetensors and
// task_gradients.safetensors where they are there.
func ReadInventory(f format.Folder) (*skill.Inventory, error) {
	inv, err := readInventory(f)
	return inv, fault.Or(err, again)
}

// again is the next step after most faults of an adapter's files.
const again = "save the adapter again with PEFT, or take another one"

func readInventory(f format.Folder) (*skill.Inventory, error) {
	c, f, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	inv := &skill.Inventory{A: map[string][]float32{}, B: map[string][]float32{}, Logits: map[string][]float32{}, Dims: map[string][2]int{}}
	if err := polyConfig(c, inv); err != nil {
		return nil, err
	}
	w, err := weights(f, keyA)
	if err != nil {
		return nil, err
	}
	q, k, r := inv.Splits, inv.Skills, inv.Rank
	want := []wanted{{keyA, []int{q, k, -1, r}}, {keyB, []int{q, k, r, -1}}, {keyZ, []int{inv.Tasks, q * k}}}
	if inv.Sites, err = sites(w, want, inv.Targets, inv.Regex); err != nil {
		return nil, err
	}
	for _, s := range inv.Sites {
		a, _ := w.Shape(prefix + s + keyA)
		b, _ := w.Shape(prefix + s + keyB)
		inv.Dims[s] = [2]int{q * a[2], q * b[3]}
		for _, x := range []struct {
			key string
			to  map[string][]float32
		}{{keyA, inv.A}, {keyB, inv.B}, {keyZ, inv.Logits}} {
			if x.to[s], err = finite(w, prefix+s+x.key); err != nil {
				return nil, err
			}
		}
	}
	return inv, readManifest(f, inv)
}

func polyConfig(c config, inv *skill.Inventory) (err error) {
	if t := c.str("peft_type"); t != "POLY" {
		return fault.Unsupportedf(op, "peft_type is %s, want POLY", c.show("peft_type")).Next("an inventory is a PEFT POLY adapter")
	}
	if err := c.is("poly_type", `"poly"`); err != nil {
		return err
	}
	if err := c.refuse("peft_type", "poly_type", "task_type", "r", "n_tasks", "n_skills", "n_splits", "target_modules", "inference_mode", "init_weights",
		"base_model_name_or_path", "revision", "auto_mapping", "peft_version"); err != nil {
		return err
	}
	for _, x := range []struct {
		key string
		to  *int
		max int
	}{{"r", &inv.Rank, maxRank}, {"n_tasks", &inv.Tasks, maxCount}, {"n_skills", &inv.Skills, maxCount}, {"n_splits", &inv.Splits, maxCount}} {
		if *x.to, err = c.count(x.key, x.max); err != nil {
			return err
		}
	}
	inv.Base, inv.TaskType = c.str("base_model_name_or_path"), c.str("task_type")
	inv.Targets, inv.Regex, err = c.targets()
	return err
}

// readManifest reads manifest.json, and what lies beside it of the training
// tasks: their routers, module_logits with the rows of the manifest's tasks, and
// sketches of their gradients.
func readManifest(f format.Folder, inv *skill.Inventory) error {
	b, _, ok, err := f.FindObject("manifest.json", "manifest.json", "prompt", "tasks")
	if err != nil || !ok {
		return err
	}
	raw, err := format.ReadText("manifest.json", b, b.Size())
	if err != nil {
		return err
	}
	var m skill.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return fault.Inputf("manifest.json", "malformed: %w", err)
	}
	if err := m.Check(); err != nil {
		return err
	}
	inv.Manifest = &m
	if err := readRows(f, inv); err != nil {
		return err
	}
	return readSketches(f, inv)
}

// readRows reads task_rows.safetensors where the folder has it.
func readRows(f format.Folder, inv *skill.Inventory) error {
	rows, ok := f.Find("task_rows.safetensors")
	if !ok {
		return nil
	}
	w, err := safetensors.Open(rows)
	if err != nil {
		return format.In(rows.Name, err)
	}
	inv.TaskRows = map[string][]float32{}
	for _, s := range inv.Sites {
		name, want := prefix+s+keyZ, []int{inv.Manifest.RouterRows(), inv.Splits * inv.Skills}
		if got, _ := w.Shape(name); !fits(got, want) {
			return fault.Inputf("adapter", "task_rows.safetensors: %.120s: got %s, want %s: the rows of manifest.json's tasks", s, dims(got), dims(want)).Next("get both files again")
		}
		if inv.TaskRows[s], err = finite(w, name); err != nil {
			return format.In("task_rows.safetensors", err)
		}
	}
	return nil
}

// WritePoly writes an inventory as a POLY folder that PEFT loads.
func WritePoly(inv *skill.Inventory) ([]File, error) {
	var ts []safetensors.Tensor
	q, k, r := inv.Splits, inv.Skills, inv.Rank
	for _, s := range inv.Sites {
		d := inv.Dims[s]
		ts = append(ts,
			safetensors.Tensor{Name: prefix + s + keyA, Shape: []int{q, k, d[0] / q, r}, Data: inv.A[s]},
			safetensors.Tensor{Name: prefix + s + keyB, Shape: []int{q, k, r, d[1] / q}, Data: inv.B[s]},
			safetensors.Tensor{Name: prefix + s + keyZ, Shape: []int{inv.Tasks, q * k}, Data: inv.Logits[s]})
	}
	cfg := map[string]any{"peft_type": "POLY", "poly_type": "poly", "r": r, "n_tasks": inv.Tasks, "n_skills": k, "n_splits": q, "init_weights": true}
	return folder(cfg, ts, card{Base: inv.Base, Kind: "POLY", Sites: len(inv.Sites), Rank: r, Skills: k, Splits: q, Tasks: inv.Tasks}, common{inv.TaskType, inv.Targets, inv.Regex})
}

// WriteInventory is WritePoly with manifest.json, task_rows.safetensors and
// task_gradients.safetensors, where the inventory has them.
func WriteInventory(inv *skill.Inventory) ([]File, error) {
	files, err := WritePoly(inv)
	if err != nil || inv.Manifest == nil {
		return files, err
	}
	var j bytes.Buffer
	enc := json.NewEncoder(&j)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(inv.Manifest); err != nil {
		return nil, err
	}
	files = append(files, File{"manifest.json", j.Bytes()})
	if inv.Sketches != nil {
		b, err := WriteSketches(inv.Sketches)
		if err != nil {
			return nil, err
		}
		files = append(files, File{SketchesFile, b})
	}
	if inv.TaskRows == nil {
		return files, nil
	}
	var ts []safetensors.Tensor
	for _, s := range inv.Sites {
		ts = append(ts, safetensors.Tensor{Name: prefix + s + keyZ, Shape: []int{inv.Manifest.RouterRows(), inv.Splits * inv.Skills}, Data: inv.TaskRows[s]})
	}
	rows, err := safetensors.Encode(ts, nil)
	if err != nil {
		return nil, err
	}
	return append(files, File{"task_rows.safetensors", rows}), nil
}

// WriteRouters writes an inventory's routers alone, named as in a POLY folder's
// weights: a safetensors file.
func WriteRouters(inv *skill.Inventory) ([]byte, error) {
	var ts []safetensors.Tensor
	for _, s := range inv.Sites {
		ts = append(ts, safetensors.Tensor{Name: prefix + s + keyZ, Shape: []int{inv.Tasks, inv.Splits * inv.Skills}, Data: inv.Logits[s]})
	}
	return safetensors.Encode(ts, nil)
}

// ReadRouters reads what WriteRouters wrote of one task: its logits for each of
// the inventory's sites.
func ReadRouters(b []byte, inv *skill.Inventory) (map[string][]float32, error) {
	w, err := safetensors.Open(format.BytesBlob(b))
	if err != nil {
		return nil, err
	}
	z, want := map[string][]float32{}, []int{1, inv.Splits * inv.Skills}
	for _, s := range inv.Sites {
		if got, _ := w.Shape(prefix + s + keyZ); !fits(got, want) {
			return nil, fault.Inputf("adapter", "%.120s: got routers %s, want %s", s, dims(got), dims(want)).Next("open it with the skills that it was made with")
		}
		if z[s], err = finite(w, prefix+s+keyZ); err != nil {
			return nil, err
		}
	}
	if n := len(w.Names()); n != len(inv.Sites) {
		return nil, fault.Inputf("adapter", "routers of %d sites, want %d", n, len(inv.Sites)).Next("open it with the skills that it was made with")
	}
	return z, nil
}
