package engine

import (
	"handful/core/fault"
	"handful/core/format/hf"
	"handful/core/format/safetensors"
	"handful/core/model"
	"handful/core/tensor"
)

// openBase opens the base that o asks for.
func openBase(o OpenOptions) (*hf.Checkpoint, error) {
	if o.RandomBase {
		return hf.Random(o.Base, o.Seed)
	}
	c, err := hf.Open(o.Base)
	if err == nil && o.TrainBase && c.GGUF != nil {
		return nil, fault.Unsupportedf("base", "a GGUF file's weights can't be trained").Next("give the Hugging Face folder of the model")
	}
	return c, err
}

// weightsOf gives a base's weights: as they are stored, or as F32 to be trained.
func weightsOf(o OpenOptions, w model.Weights) model.Weights {
	if o.TrainBase {
		return widened{w}
	}
	return w
}

// widened gives every weight as F32.
type widened struct{ model.Weights }

func (w widened) Tensor(name string) (tensor.Source, error) {
	s, err := w.Weights.Tensor(name)
	if err != nil || s.DType() == tensor.F32 {
		return s, err
	}
	v, err := tensor.ReadF32(s)
	if err != nil {
		return nil, fault.From("base", err)
	}
	return tensor.F32Source(v, s.Shape()...), nil
}

// baseFolder is the trained base as a Hugging Face folder: its config with the
// type of the weights, the weights, and the tokenizer's files as they were.
func (e *Engine) baseFolder(values map[string][]float32, half bool) ([]File, error) {
	dtype := "float32"
	if half {
		dtype = "float16"
	}
	beside, err := e.ckpt.Files(e.base, dtype)
	if err != nil {
		return nil, err
	}
	var ts []safetensors.Tensor
	for _, v := range e.model.Vars() {
		ts = append(ts, safetensors.Tensor{Name: v.Name, Shape: v.Shape, Data: values[v.Name]})
	}
	weights, err := safetensors.Encode(ts, nil)
	if err == nil && half {
		weights, err = safetensors.Narrow(weights)
	}
	if err != nil {
		return nil, err
	}
	files := []File{{"base/model.safetensors", weights}}
	for _, f := range beside {
		files = append(files, File{"base/" + f.Name, f.Bytes})
	}
	return files, nil
}
