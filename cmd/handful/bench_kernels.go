package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// benchKernels measures products of 512 tokens with weights of SmolLM2's size,
// forward (x·Wᵀ) and backward (x·W).
func benchKernels(ctx context.Context, d device.Device) (rows []benchRow, err error) {
	defer fault.Recover("bench", &err)
	const n, hidden, ffn = 512, 576, 1536
	for _, dt := range []tensor.DType{tensor.F32, tensor.F16, tensor.Q8_0, tensor.Q4_1} {
		for _, forward := range []bool{true, false} {
			in, name := hidden, fmt.Sprintf("x·Wᵀ %d×%d×%d %v", n, hidden, ffn, dt)
			if !forward {
				in, name = ffn, fmt.Sprintf("x·W %d×%d×%d %v", n, ffn, hidden, dt)
			}
			g := graph.New()
			x := g.Input("x", tensor.F32, n, in)
			w := g.Use(weight(dt, ffn, hidden))
			y := graph.LinearT
			if forward {
				y = graph.Linear
			}
			row, err := timeGraph(ctx, d, x, y(x, w))
			if err != nil {
				return nil, err
			}
			row.What, row.Name = "kernel", name
			row.GFLOPS = 2 * n * hidden * ffn / row.MS / 1e6
			rows = append(rows, *row)
		}
	}
	return rows, nil
}

// weight is a variable of small random values in any type.
func weight(dt tensor.DType, shape ...int) *tensor.Var {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, dt.Bytes(shape...))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	elems, size := dt.Block()
	for at := 0; at < len(b); at += size {
		switch {
		case dt.Quantised(): // d = 2⁻⁶, and m = 0 where there is one
			copy(b[at:], []byte{0x00, 0x24})
			if dt == tensor.Q4_1 {
				copy(b[at+2:], []byte{0, 0})
			}
		default: // exponents just below 1: no infinities, no denormals
			b[at+elems*size-1] = b[at+elems*size-1]&0x80 | 0x3b
		}
	}
	return tensor.NewVar("w", tensor.MemSource(dt, shape, b, ""))
}

// timeGraph runs out for about a second and gives the median of a run's time;
// reading the result is part of it, once for each batch of runs.
func timeGraph(ctx context.Context, d device.Device, in, out *graph.Node) (*benchRow, error) {
	p, err := d.Compile(ctx, out)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	x := make([]float32, in.Numel())
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	if err := p.Write(in, tensor.F32Bytes(x)); err != nil {
		return nil, err
	}
	dst := make([]byte, out.Bytes())
	batch := func(runs int) (time.Duration, error) {
		start := time.Now()
		for range runs {
			if err := p.Run(ctx); err != nil {
				return 0, err
			}
		}
		err := p.Read(ctx, out, dst)
		return time.Since(start), err
	}
	if _, err := batch(1); err != nil { // uploads the weight
		return nil, err
	}
	once, err := batch(1)
	if err != nil {
		return nil, err
	}
	runs := max(1, int(200*time.Millisecond/max(once, 1)))
	batches := min(5, max(1, int(time.Second/max(once, 1))))
	var times []float64
	cpu := cpuTime()
	for range batches {
		t, err := batch(runs)
		if err != nil {
			return nil, err
		}
		times = append(times, ms(t)/float64(runs))
	}
	return &benchRow{MS: median(times), CPU: ms(cpuTime()-cpu) / float64(runs*batches), Dispatch: p.Stats().Dispatches}, nil
}
