package peft

import (
	"slices"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/safetensors"
	"handful/core/skill"
)

// SketchesFile has the sketches of an inventory's training tasks' gradients:
// a tensor "sketch" [tasks of manifest.json, numbers] in f16.
const SketchesFile = "task_gradients.safetensors"

// sketchKind is the file's metadata that tells how a gradient becomes a sketch
// (tune.Sketch); of another kind cosines would be noise.
const sketchKind = "splitmix64-1024"

// readSketches reads the file where the folder has it.
func readSketches(f format.Folder, inv *skill.Inventory) error {
	b, ok := f.Find(SketchesFile)
	if !ok {
		return nil
	}
	w, err := safetensors.Open(b)
	if err != nil {
		return format.In(SketchesFile, err)
	}
	if kind := w.Metadata["sketch"]; kind != sketchKind {
		return fault.Unsupportedf("adapter", "%s: a sketch of kind %.40q, want %q", SketchesFile, kind, sketchKind).Next("get a newer version of this program, or remove the file")
	}
	tasks := len(inv.Manifest.Tasks)
	shape, _ := w.Shape("sketch")
	if !fits(shape, []int{tasks, skill.SketchSize}) {
		return fault.Inputf("adapter", "%s: got %s, want a sketch of each of manifest.json's %d tasks, %d numbers", SketchesFile, dims(shape), tasks, skill.SketchSize).Next("get both files again")
	}
	all, err := finite(w, "sketch")
	if err != nil {
		return format.In(SketchesFile, err)
	}
	inv.Sketches = slices.Collect(slices.Chunk(all, skill.SketchSize))
	return nil
}

// WriteSketches is the content of SketchesFile.
func WriteSketches(sketches [][]float32) ([]byte, error) {
	t := safetensors.Tensor{Name: "sketch", Shape: []int{len(sketches), len(sketches[0])}}
	for _, s := range sketches {
		t.Data = append(t.Data, s...)
	}
	b, err := safetensors.Encode([]safetensors.Tensor{t}, map[string]string{"sketch": sketchKind})
	if err != nil {
		return nil, err
	}
	return safetensors.Narrow(b)
}
