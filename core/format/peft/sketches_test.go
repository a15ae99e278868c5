package peft

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/format/safetensors"
	"handful/core/skill"
)

// An inventory keeps its sketches through writing and reading, to f16's
// precision.
func TestSketches(t *testing.T) {
	f := formattest.Folder(t, "../../../assets/pocket/inventory")
	inv, err := ReadInventory(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Sketches) != len(inv.Manifest.Tasks) || len(inv.Sketches) == 0 {
		t.Fatalf("%d sketches of %d tasks", len(inv.Sketches), len(inv.Manifest.Tasks))
	}
	for i, s := range inv.Sketches {
		sum := 0.0
		for _, x := range s {
			sum += float64(x) * float64(x)
		}
		if sum < .7 || sum > 1.4 {
			t.Errorf("task %d: a sketch of length %v, want about 1", i, math.Sqrt(sum))
		}
	}
	files, err := WriteInventory(inv)
	if err != nil {
		t.Fatal(err)
	}
	var again format.Folder
	for _, x := range files {
		again = append(again, blob(x.Name, x.Bytes))
	}
	got, err := ReadInventory(again)
	if err != nil || !reflect.DeepEqual(got.Sketches, inv.Sketches) {
		t.Errorf("other sketches, or %v", err)
	}
}

func TestSketchesThatAreNone(t *testing.T) {
	f := formattest.Folder(t, "../../../assets/pocket/inventory")
	inv, err := ReadInventory(f)
	if err != nil {
		t.Fatal(err)
	}
	made := func(rows [][]float32) []byte {
		b, err := WriteSketches(rows)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	other, err := safetensors.Encode([]safetensors.Tensor{{Name: "sketch", Shape: []int{1, 1}, Data: []float32{1}}}, map[string]string{"sketch": "sha256-9"})
	if err != nil {
		t.Fatal(err)
	}
	wild := slices.Clone(inv.Sketches)
	wild[3] = slices.Repeat([]float32{float32(math.Inf(1))}, skill.SketchSize)
	for name, c := range map[string]struct {
		file []byte
		kind fault.Kind
		says string
	}{
		"of fewer tasks":      {made(inv.Sketches[1:]), fault.Input, "manifest.json's"},
		"shorter":             {made([][]float32{{1}}), fault.Input, "1024 numbers"},
		"of another kind":     {other, fault.Unsupported, "sha256-9"},
		"not finite":          {made(wild), fault.Input, "sketch"},
		"cut":                 {made(inv.Sketches)[:900], fault.Input, SketchesFile},
		"a page in its place": {[]byte("<html>"), fault.Input, SketchesFile},
	} {
		folder := slices.Clone(f)
		for i, b := range folder {
			if b.Name == SketchesFile {
				folder[i] = blob(SketchesFile, c.file)
			}
		}
		if _, err := ReadInventory(folder); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v saying %q", name, err, c.kind, c.says)
		}
	}
}
