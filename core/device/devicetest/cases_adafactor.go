package devicetest

import (
	"context"
	"fmt"
	"math"

	"handful/core/device"
	"handful/core/graph"
	"handful/core/tensor"
)

// adafactorShapes are a vector, matrices and blocks of matrices: those of
// routers, of LoRA and of skills, and long ones along each axis.
var adafactorShapes = [][]int{{1}, {33}, {4099}, {1, 1}, {1, 32}, {33, 1}, {65, 127}, {3, 5, 7}, {4, 4, 8, 4}, {2, 3, 1, 5}, {1, 4100, 3}, {2, 3, 4100}, {70_000, 2}}

func adafactorCases() (cs []Case) {
	for i, shape := range adafactorShapes {
		for _, scale := range []float32{0, 1} {
			clip, wd := float32(i%2)*0.5, float32(i%3)*0.1
			name := fmt.Sprintf("adafactor %v scale=%g clip=%g decay=%g", shape, scale, clip, wd)
			cs = append(cs, script(name, Tolerance{Rel: 5e-5, Abs: 2e-5}, func(ctx context.Context, d device.Device, b *Build) ([][]float32, error) {
				a, err := newAdafactor(ctx, d, b, shape)
				if err != nil {
					return nil, err
				}
				defer a.prog.Close()
				n := tensor.Numel(shape)
				for k := 1; k <= 5; k++ {
					g := b.Normal(n, 1)
					if k == 2 {
						clear(g[:(n+1)/2]) // a task that is not in the batch
					}
					if err := a.step(ctx, k, []float32{scale, clip, wd}, g); err != nil {
						return nil, err
					}
				}
				return a.values(ctx, d)
			}))
		}
	}
	return append(cs, adafactorSkipCase())
}

// adafactorState is a tensor with its averages (p first) and its program.
type adafactorState struct {
	vars     []*tensor.Var
	g, hyper *graph.Node
	prog     device.Program
}

func newAdafactor(ctx context.Context, d device.Device, b *Build, shape []int) (a adafactorState, err error) {
	p := b.variable(tensor.FromF32("p", b.Normal(tensor.Numel(shape), 1), shape...))
	a.vars = []*tensor.Var{p}
	for _, n := range graph.AdafactorOf(shape).State() {
		a.vars = append(a.vars, b.variable(tensor.Zeros("state", n)))
	}
	a.g, a.hyper = b.Input("g", tensor.F32, shape...), b.Input("hyper", tensor.F32, 8)
	a.prog, err = d.Compile(ctx, graph.Adafactor(p, a.vars[1:], a.g, graph.GlobalNorm(a.g), a.hyper))
	return a, err
}

// step runs step k (from 1); o are scale_parameter, clip and weight decay.
func (a *adafactorState) step(ctx context.Context, k int, o, g []float32) error {
	h := []float32{0.05, o[2], float32(1 - math.Pow(float64(k), -0.8)), o[0], o[1], 1, 1e-30, 1e-3}
	if err := a.prog.Write(a.hyper, tensor.F32Bytes(h)); err != nil {
		return err
	}
	if err := a.prog.Write(a.g, tensor.F32Bytes(g)); err != nil {
		return err
	}
	return a.prog.Run(ctx)
}

func (a *adafactorState) values(ctx context.Context, d device.Device) (all [][]float32, err error) {
	for _, v := range a.vars {
		x, err := readVar(ctx, d, v)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

// adafactorSkipCase wants a norm that is not finite to change nothing.
func adafactorSkipCase() Case {
	const name = "adafactor skips a norm that is not finite"
	return Case{name, func(ctx context.Context, d device.Device) error {
		b := NewBuild(name)
		defer func() { d.Free(b.vars...) }()
		a, err := newAdafactor(ctx, d, b, []int{2, 3, 5})
		if err != nil {
			return err
		}
		defer a.prog.Close()
		var last [][]float32
		for k, bad := range []float32{0, float32(math.Inf(1)), float32(math.NaN())} {
			g := b.Normal(30, 1)
			g[7] += bad
			if err := a.step(ctx, k+1, []float32{1, float32(k % 2), 0.1}, g); err != nil {
				return err
			}
			now, err := a.values(ctx, d)
			if err != nil {
				return err
			}
			for i := range last {
				if err := (Tolerance{}).Check(now[i], last[i]); err != nil {
					return fmt.Errorf("a gradient of %g changed something: %w", bad, err)
				}
			}
			last = now
		}
		return nil
	}}
}
