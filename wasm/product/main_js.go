// Command product is a program for the Worker in the engine's place: it times
// one product of float32 matrices on a device, for bench/ to lay beside that of
// others.
package main

import (
	"context"
	"runtime"
	"time"

	"handful/core/device"
	_ "handful/core/device/cpu"
	_ "handful/core/device/gpu"
	"handful/core/graph"
	"handful/core/tensor"
	"handful/wasm/rpc"
)

func main() {
	var p product
	rpc.Serve(map[string]rpc.Handler{"open": p.open, "run": p.run}, map[string]string{"go": runtime.Version()})
	select {} // the Worker lives until the page ends it
}

// product is x·Wᵀ, compiled.
type product struct {
	program device.Program
	out     *graph.Node
}

// open compiles the product of x [rows, in] with w [out, in], both given as
// bytes, and answers with the device.
func (p *product) open(ctx context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var q struct {
		Device        device.Options `json:"device"`
		Rows, In, Out int
		X, W          []float32
	}
	if err := r.Into(&q); err != nil {
		return nil, nil, err
	}
	d, _, err := device.Open(ctx, q.Device)
	if err != nil {
		return nil, nil, err
	}
	g := graph.New()
	x := g.Input("x", tensor.F32, q.Rows, q.In)
	w := tensor.NewVar("w", tensor.F32Source(q.W, q.Out, q.In))
	p.out = graph.Linear(x, g.Use(w))
	if p.program, err = d.Compile(ctx, p.out); err != nil {
		return nil, nil, err
	}
	return d.Info(), nil, p.program.Write(x, tensor.F32Bytes(q.X))
}

// run computes it so often and reads the result: the time of one in ms, and the
// last value.
func (p *product) run(ctx context.Context, r rpc.Request, _ *rpc.Emitter) (any, []rpc.Blob, error) {
	var q struct{ Runs int }
	if err := r.Into(&q); err != nil {
		return nil, nil, err
	}
	dst := make([]byte, p.out.Bytes())
	start := time.Now()
	for range q.Runs {
		if err := p.program.Run(ctx); err != nil {
			return nil, nil, err
		}
	}
	if err := p.program.Read(ctx, p.out, dst); err != nil {
		return nil, nil, err
	}
	took := time.Since(start).Seconds() * 1e3 / float64(q.Runs)
	last := tensor.BytesF32(dst[len(dst)-4:])[0]
	return map[string]any{"ms": took, "last": last}, nil, nil
}
