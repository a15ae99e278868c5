package peft

import (
	"encoding/json"
	"strings"

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
)

// ReadInventory reads a POLY folder (METHOD B2): per adapted linear
// poly_lora_A [q, s, in/q, r], poly_lora_B [q, s, r, out/q] and module_logits
// [t, q·s]; with manifest.json and task_rows.safetensors where they are there.
func ReadInventory(f format.Folder) (*skill.Inventory, error) {
	c, err := readConfig(f)
	if err != nil {
		return nil, err
	}
	inv := &skill.Inventory{A: map[string][]float32{}, B: map[string][]float32{}, Logits: map[string][]float32{}, Dims: map[string][2]int{}}
	if err := polyConfig(c, inv); err != nil {
		return nil, err
	}
	w, err := weights(f)
	if err != nil {
		return nil, err
	}
	for _, name := range w.Names() {
		site, ok := strings.CutSuffix(strings.TrimPrefix(name, prefix), keyA)
		if ok {
			inv.Sites = append(inv.Sites, site)
			continue
		}
		if !strings.HasPrefix(name, prefix) || !strings.HasSuffix(name, keyB) && !strings.HasSuffix(name, keyZ) {
			return nil, fault.Unsupportedf("adapter", "tensor %q is not part of a POLY adapter", name)
		}
	}
	skill.SortSites(inv.Sites)
	if len(w.Names()) != 3*len(inv.Sites) || len(inv.Sites) == 0 {
		return nil, fault.Inputf("adapter", "%d tensors for %d sites, want %s, %s and %s for each", len(w.Names()), len(inv.Sites), keyA, keyB, keyZ)
	}
	for _, s := range inv.Sites {
		if err := readSite(w, inv, s); err != nil {
			return nil, err
		}
	}
	if m, ok := f.Find("manifest.json"); ok {
		if err := readManifest(f, m, inv); err != nil {
			return nil, err
		}
	}
	return inv, nil
}

func polyConfig(c config, inv *skill.Inventory) (err error) {
	if t := c.str("peft_type"); t != "POLY" {
		return fault.Inputf(op, "peft_type is %s, want POLY", orNone(c["peft_type"])).Next("an inventory is a PEFT POLY adapter")
	}
	if err := c.is("poly_type", `"poly"`); err != nil {
		return err
	}
	if err := c.refuse("peft_type", "poly_type", "task_type", "r", "n_tasks", "n_skills", "n_splits", "target_modules", "inference_mode", "init_weights",
		"base_model_name_or_path", "revision", "auto_mapping", "peft_version"); err != nil {
		return err
	}
	for key, p := range map[string]*int{"r": &inv.Rank, "n_tasks": &inv.Tasks, "n_skills": &inv.Skills, "n_splits": &inv.Splits} {
		if *p, err = c.count(key, maxCount); err != nil {
			return err
		}
	}
	inv.Base, inv.TaskType = c.str("base_model_name_or_path"), c.str("task_type")
	inv.Targets, inv.Regex, err = c.targets()
	return err
}

func readSite(w *safetensors.File, inv *skill.Inventory, s string) (err error) {
	q, k, r := inv.Splits, inv.Skills, inv.Rank
	for _, key := range []string{keyA, keyB, keyZ} {
		if !w.Has(prefix + s + key) {
			return fault.Inputf("adapter", "%s has no %s", s, key[1:])
		}
	}
	if ok, err := skill.Match(inv.Targets, inv.Regex, s); err != nil || !ok {
		if err == nil {
			err = fault.Inputf("adapter", "%s has weights, but target_modules %v does not name it", s, inv.Targets)
		}
		return err
	}
	a, _ := w.Shape(prefix + s + keyA)
	if len(a) != 4 || !equal(a, q, k, a[2], r) || a[2] == 0 {
		return shapeError(s+keyA, a, []int{q, k, -1, r})
	}
	b, _ := w.Shape(prefix + s + keyB)
	if len(b) != 4 || !equal(b, q, k, r, b[3]) || b[3] == 0 {
		return shapeError(s+keyB, b, []int{q, k, r, -1})
	}
	if z, _ := w.Shape(prefix + s + keyZ); !equal(z, inv.Tasks, q*k) {
		return shapeError(s+keyZ, z, []int{inv.Tasks, q * k})
	}
	inv.Dims[s] = [2]int{q * a[2], q * b[3]}
	for key, to := range map[string]map[string][]float32{keyA: inv.A, keyB: inv.B, keyZ: inv.Logits} {
		if to[s], err = finite(w, prefix+s+key); err != nil {
			return err
		}
	}
	return nil
}

// readManifest reads manifest.json, and the training tasks' routers beside it.
func readManifest(f format.Folder, b format.NamedBlob, inv *skill.Inventory) error {
	raw, err := format.ReadAll("manifest.json", b, maxConfig)
	if err != nil {
		return err
	}
	var m skill.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return fault.Inputf("manifest.json", "malformed: %v", err)
	}
	inv.Manifest = &m
	rows, ok := f.Find("task_rows.safetensors")
	if !ok {
		return nil
	}
	w, err := safetensors.Open(rows)
	if err != nil {
		return err
	}
	inv.TaskRows = map[string][]float32{}
	for _, s := range inv.Sites {
		name := prefix + s + keyZ
		if shape, _ := w.Shape(name); !equal(shape, len(m.Tasks), inv.Splits*inv.Skills) {
			return shapeError("task_rows "+s, shape, []int{len(m.Tasks), inv.Splits * inv.Skills})
		}
		if inv.TaskRows[s], err = finite(w, name); err != nil {
			return err
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
	cfg := map[string]any{"peft_type": "POLY", "poly_type": "poly", "task_type": taskType(inv.TaskType), "r": r, "n_tasks": inv.Tasks, "n_skills": k, "n_splits": q,
		"target_modules": targetsJSON(inv.Targets, inv.Regex), "exclude_modules": nil, "modules_to_save": nil, "init_weights": true, "inference_mode": true,
		"base_model_name_or_path": orNull(inv.Base), "revision": nil, "auto_mapping": nil, "peft_version": peftVersion}
	return folder(cfg, ts, card{Base: inv.Base, Kind: "POLY", Sites: len(inv.Sites), Rank: r, Skills: k, Splits: q, Tasks: inv.Tasks})
}
