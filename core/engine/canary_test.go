package engine

import (
	"context"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	_ "handful/core/device/gpu"
	"handful/core/device/gpu/lavapipe"
	"handful/core/fault"
	"handful/core/format/hf"
	"handful/core/model"
	"handful/core/tensor"
)

// The canary of every stored type sings on the fast cpu and on the gpu as on
// the reference.
func TestFault09CanariesOfEveryTypeAgree(t *testing.T) {
	ctx := context.Background()
	lavapipe.Use()
	gpu, _, err := device.Open(ctx, device.Options{Kind: "gpu"})
	if err != nil && !fault.Is(err, fault.NoGPU) {
		t.Fatal(err)
	}
	devices := []device.Device{cpu.New(cpu.Fast)}
	if gpu != nil {
		defer gpu.Close()
		devices = append(devices, gpu)
	}
	c := hf.Config{Config: model.Config{ModelType: "llama", Layers: 3, Hidden: 96, FFN: 192, Heads: 6, KVHeads: 2, HeadDim: 16, Vocab: 100, Context: 32, RopeTheta: 1e4, Eps: 1e-5, Tied: true, Act: "silu"}}
	for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.IQ4_NL, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K} {
		s := typed(c, dt)
		for _, d := range devices {
			canary, err := newCanary(ctx, d, s)
			if err != nil {
				t.Errorf("%v on %s: %v", dt, d.Info().Kind, err)
				continue
			}
			for range 2 { // the second time from the same beginning
				if err := canary.check(ctx); err != nil {
					t.Errorf("%v on %s: %v", dt, d.Info().Kind, err)
				}
			}
			canary.close()
		}
	}
}

// typed is the canary of a model whose matrices are of a type.
func typed(c hf.Config, dt tensor.DType) canaryShape {
	s := shapeOf(c, varsOf{})
	if block, _ := dt.Block(); block > 64 {
		s = shapeOf(c, varsOf{dt})
	}
	for _, x := range s.config.Shapes() {
		if s.types[kindOf(x.Name)] = tensor.F32; len(x.Shape) == 2 {
			s.types[kindOf(x.Name)] = dt
		}
	}
	return s
}

// varsOf is a model of variables alone.
type varsOf []tensor.DType

func (v varsOf) Vars() (list []*tensor.Var) {
	for _, dt := range v {
		list = append(list, &tensor.Var{Name: "w", DType: dt})
	}
	return list
}
