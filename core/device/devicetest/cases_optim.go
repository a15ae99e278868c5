package devicetest

import (
	"context"
	"fmt"
	"math"

	"handful/core/device"
	"handful/core/graph"
	"handful/core/tensor"
)

func optimCases() (cs []Case) {
	for _, s := range [][]int{{1}, {33}, {65, 1, 127}, {4099, 7}, {70_000, 3}} {
		cs = append(cs, compare(fmt.Sprintf("global norm %v", s), Tight, func(b *Build) []*graph.Node {
			var g []*graph.Node
			for _, n := range s {
				g = append(g, b.Rand(n))
			}
			return []*graph.Node{graph.GlobalNorm(g...)}
		}))
	}
	cs = append(cs, compare("global norm of many", Tight, func(b *Build) []*graph.Node {
		var g []*graph.Node
		for i := range 30 {
			g = append(g, b.Rand(i+1, 7))
		}
		return []*graph.Node{graph.GlobalNorm(g...)}
	}))
	for _, n := range []int{1, 33, 4099} {
		for _, clip := range []float64{0, 0.5, 1e6} {
			for _, wd := range []float64{0, 0.1} {
				cs = append(cs, adamCase(n, clip, wd))
			}
		}
	}
	return append(cs, adamSkipCase())
}

// adamState is one run's variables and program: two parameters that share a
// clip norm.
type adamState struct {
	p, m, v [2]*tensor.Var
	g       [2]*graph.Node
	hyper   *graph.Node
	prog    device.Program
}

func newAdam(ctx context.Context, d device.Device, b *Build, n int) (a adamState, err error) {
	a.hyper = b.Input("hyper", tensor.F32, 8)
	for i := range a.p {
		a.p[i] = b.variable(tensor.FromF32("p", b.Normal(n, 1), n))
		a.m[i], a.v[i] = b.variable(tensor.Zeros("m", n)), b.variable(tensor.Zeros("v", n))
		a.g[i] = b.Input("g", tensor.F32, n)
	}
	norm := graph.GlobalNorm(a.g[:]...)
	var outs []*graph.Node
	for i := range a.p {
		outs = append(outs, graph.AdamW(a.p[i], a.m[i], a.v[i], a.g[i], norm, a.hyper))
	}
	a.prog, err = d.Compile(ctx, outs...)
	return a, err
}

// step runs step k (from 1) with the given gradients.
func (a *adamState) step(ctx context.Context, k int, lr, wd, clip float64, g [2][]float32) error {
	h := []float32{float32(lr), float32(wd), .9, .999, 1e-8, float32(1 - math.Pow(.9, float64(k))), float32(math.Sqrt(1 - math.Pow(.999, float64(k)))), float32(clip)}
	if err := a.prog.Write(a.hyper, tensor.F32Bytes(h)); err != nil {
		return err
	}
	for i := range g {
		if err := a.prog.Write(a.g[i], tensor.F32Bytes(g[i])); err != nil {
			return err
		}
	}
	return a.prog.Run(ctx)
}

// adamCase compares ten steps with torch.optim.AdamW's formula in float64.
func adamCase(n int, clip, wd float64) Case {
	name := fmt.Sprintf("adamw n=%d clip=%g decay=%g", n, clip, wd)
	return Case{name, func(ctx context.Context, d device.Device) error {
		b := NewBuild(name)
		defer func() { d.Free(b.vars...) }()
		a, err := newAdam(ctx, d, b, n)
		if err != nil {
			return err
		}
		defer a.prog.Close()
		type state struct{ p, m, v []float64 }
		var want [2]state
		for i := range want {
			p, err := readVar(ctx, d, a.p[i])
			if err != nil {
				return err
			}
			want[i] = state{make([]float64, n), make([]float64, n), make([]float64, n)}
			for j, x := range p {
				want[i].p[j] = float64(x)
			}
		}
		const lr = 0.05
		for k := 1; k <= 10; k++ {
			g := [2][]float32{b.Normal(n, 1), b.Normal(n, 0.1)}
			sum := 0.0
			for _, x := range append(append([]float32(nil), g[0]...), g[1]...) {
				sum += float64(x) * float64(x)
			}
			c := 1.0
			if clip > 0 {
				c = min(1, clip/(math.Sqrt(sum)+1e-6))
			}
			for i, s := range want {
				for j := range s.p {
					x := c * float64(g[i][j])
					s.p[j] *= 1 - lr*wd
					s.m[j] += (1 - .9) * (x - s.m[j])
					s.v[j] = .999*s.v[j] + (1-.999)*x*x
					root := math.Sqrt(s.v[j]) / math.Sqrt(1-math.Pow(.999, float64(k)))
					s.p[j] -= lr / (1 - math.Pow(.9, float64(k))) * s.m[j] / (root + 1e-8)
				}
			}
			if err := a.step(ctx, k, lr, wd, clip, g); err != nil {
				return err
			}
		}
		for i, s := range want {
			for _, x := range []struct {
				v    *tensor.Var
				want []float64
			}{{a.p[i], s.p}, {a.m[i], s.m}, {a.v[i], s.v}} {
				got, err := readVar(ctx, d, x.v)
				if err != nil {
					return err
				}
				w := make([]float32, n)
				for j := range w {
					w[j] = float32(x.want[j])
				}
				if err := (Tolerance{Rel: 5e-5, Abs: 1e-5}).Check(got, w); err != nil {
					return fmt.Errorf("%s after 10 steps: %w", x.v, err)
				}
			}
		}
		return nil
	}}
}

// adamSkipCase wants a norm that is not finite to change nothing.
func adamSkipCase() Case {
	const name = "adamw skips a norm that is not finite"
	return Case{name, func(ctx context.Context, d device.Device) error {
		b := NewBuild(name)
		defer func() { d.Free(b.vars...) }()
		a, err := newAdam(ctx, d, b, 7)
		if err != nil {
			return err
		}
		defer a.prog.Close()
		var last []float32
		for k, bad := range []float32{0, float32(math.Inf(1)), float32(math.NaN())} {
			g := [2][]float32{b.Normal(7, 1), b.Normal(7, 1)}
			g[0][2] += bad
			if err := a.step(ctx, k+1, 0.1, 0.1, float64(k%2), g); err != nil {
				return err
			}
			var now []float32
			for i := range a.p {
				for _, v := range []*tensor.Var{a.p[i], a.m[i], a.v[i]} {
					x, err := readVar(ctx, d, v)
					if err != nil {
						return err
					}
					now = append(now, x...)
				}
			}
			if k > 0 {
				if err := (Tolerance{}).Check(now, last); err != nil {
					return fmt.Errorf("a gradient of %g changed something: %w", bad, err)
				}
			}
			last = now
		}
		return nil
	}}
}
