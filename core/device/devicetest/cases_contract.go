package devicetest

import (
	"context"
	"fmt"
	"strings"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// contractCases check what Device and Program promise apart from numbers.
func contractCases() []Case {
	return []Case{
		{"sizes are checked", sizesAreChecked},
		{"an op without a kernel is named", unknownOp},
		{"an input that no output needs is ignored", prunedInput},
		{"variables live across programs", variablesLive},
		{"stored weights are read back and not written", storedWeights},
		{"a freed variable starts again", freedVariable},
		{"any node may be an output", anyOutput},
		{"a cancelled context stops a run", cancelled},
		{"inputs stay until they are written again", inputsStay},
	}
}

// wantFault says that err should have been a fault that names an op.
func wantFault(what string, err error) error {
	if f := fault.From("devicetest", err); f == nil || f.Op == "devicetest" {
		return fmt.Errorf("%s: got %v, want a fault", what, err)
	}
	return nil
}

// simple is y = x + v for a variable of ones, [3].
func simple(ctx context.Context, d device.Device) (x, y *graph.Node, v *tensor.Var, p device.Program, err error) {
	v = tensor.FromF32("ones", []float32{1, 1, 1}, 3)
	g := graph.New()
	x = g.Input("x", tensor.F32, 3)
	y = graph.Add(x, g.Use(v))
	p, err = d.Compile(ctx, y)
	return
}

// sum writes x, runs and reads y.
func sum(ctx context.Context, p device.Program, x, y *graph.Node, in ...float32) ([]float32, error) {
	if err := p.Write(x, tensor.F32Bytes(in)); err != nil {
		return nil, err
	}
	got, err := runAndRead(ctx, p, []*graph.Node{y})
	if err != nil {
		return nil, err
	}
	return got[0], nil
}

func exactly(got []float32, err error, want ...float32) error {
	if err != nil {
		return err
	}
	return Tolerance{}.Check(got, want)
}

func sizesAreChecked(ctx context.Context, d device.Device) error {
	x, y, v, p, err := simple(ctx, d)
	if err != nil {
		return err
	}
	defer d.Free(v)
	defer p.Close()
	for _, n := range []int{0, 4, 11, 16} {
		b := make([]byte, n)
		if err := wantFault(fmt.Sprintf("Write of %d bytes", n), p.Write(x, b)); err != nil {
			return err
		}
		if err := wantFault(fmt.Sprintf("Read of %d bytes", n), p.Read(ctx, y, b)); err != nil {
			return err
		}
		if err := wantFault(fmt.Sprintf("ReadVar of %d bytes", n), d.ReadVar(ctx, v, b)); err != nil {
			return err
		}
		if err := wantFault(fmt.Sprintf("WriteVar of %d bytes", n), d.WriteVar(ctx, v, b)); err != nil {
			return err
		}
	}
	other := graph.Add(x, x)
	if err := wantFault("Read of a node that is no output", p.Read(ctx, other, make([]byte, 12))); err != nil {
		return err
	}
	got, err := sum(ctx, p, x, y, 1, 2, 3)
	return exactly(got, err, 2, 3, 4)
}

func unknownOp(ctx context.Context, d device.Device) error {
	g := graph.New()
	n := *graph.Add(g.Fill(1, 3), g.Fill(2, 3))
	n.Kind = "Frobnicate"
	p, err := d.Compile(ctx, &n)
	if err == nil {
		p.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "Frobnicate") {
		return fmt.Errorf("got %v, want a fault that names the op", err)
	}
	return wantFault("Compile", err)
}

func prunedInput(ctx context.Context, d device.Device) error {
	g := graph.New()
	x, unused := g.Input("x", tensor.F32, 3), g.Input("unused", tensor.I32, 5, 2)
	y := graph.Add(x, x)
	p, err := d.Compile(ctx, y)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Write(unused, make([]byte, 40)); err != nil {
		return err
	}
	got, err := sum(ctx, p, x, y, 1, 2, 3)
	return exactly(got, err, 2, 4, 6)
}

func variablesLive(ctx context.Context, d device.Device) error {
	x, y, v, p, err := simple(ctx, d)
	if err != nil {
		return err
	}
	defer d.Free(v)
	defer p.Close()
	if err := d.WriteVar(ctx, v, tensor.F32Bytes([]float32{10, 20, 30})); err != nil {
		return err
	}
	got, err := sum(ctx, p, x, y, 1, 2, 3)
	if err := exactly(got, err, 11, 22, 33); err != nil {
		return fmt.Errorf("after WriteVar: %w", err)
	}
	g := graph.New()
	z := graph.Add(g.Use(v), g.Use(v))
	q, err := d.Compile(ctx, z)
	if err != nil {
		return err
	}
	defer q.Close()
	all, err := runAndRead(ctx, q, []*graph.Node{z})
	if err != nil {
		return err
	}
	if err := exactly(all[0], nil, 20, 40, 60); err != nil {
		return fmt.Errorf("in a second program: %w", err)
	}
	if err := p.Close(); err != nil {
		return err
	}
	got, err = readVar(ctx, d, v)
	return exactly(got, err, 10, 20, 30)
}

func storedWeights(ctx context.Context, d device.Device) error {
	b := NewBuild("stored")
	for _, dt := range DTypes {
		b.Weight(dt, 3, whole(dt, 64))
	}
	defer d.Free(b.vars...)
	for _, v := range b.vars {
		want, err := tensor.ReadAll(v.Init)
		if err != nil {
			return err
		}
		got := make([]byte, v.Bytes())
		if err := d.ReadVar(ctx, v, got); err != nil {
			return err
		}
		if string(got) != string(want) {
			return fmt.Errorf("%s: ReadVar gives other bytes than its source", v)
		}
		if v.DType != tensor.F32 {
			if err := wantFault("WriteVar of "+v.String(), d.WriteVar(ctx, v, got)); err != nil {
				return err
			}
		}
	}
	return nil
}

func freedVariable(ctx context.Context, d device.Device) error {
	_, _, v, p, err := simple(ctx, d)
	if err != nil {
		return err
	}
	if err := d.WriteVar(ctx, v, tensor.F32Bytes([]float32{7, 8, 9})); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	d.Free(v, tensor.Zeros("never used", 3))
	defer d.Free(v)
	got, err := readVar(ctx, d, v)
	return exactly(got, err, 1, 1, 1)
}

func anyOutput(ctx context.Context, d device.Device) error {
	v := tensor.FromF32("v", []float32{5, 6, 7}, 3)
	defer d.Free(v)
	g := graph.New()
	x, w, f := g.Input("x", tensor.F32, 3), g.Use(v), g.Fill(2.5, 3)
	y := graph.Add(x, w)
	z := graph.Add(y, f)
	outs := []*graph.Node{z, y, x, w, f}
	p, err := d.Compile(ctx, outs...)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Write(x, tensor.F32Bytes([]float32{1, 2, 3})); err != nil {
		return err
	}
	got, err := runAndRead(ctx, p, outs)
	if err != nil {
		return err
	}
	for i, want := range [][]float32{{8.5, 10.5, 12.5}, {6, 8, 10}, {1, 2, 3}, {5, 6, 7}, {2.5, 2.5, 2.5}} {
		if err := exactly(got[i], nil, want...); err != nil {
			return fmt.Errorf("%s: %w", outs[i], err)
		}
	}
	return nil
}

func cancelled(ctx context.Context, d device.Device) error {
	x, y, v, p, err := simple(ctx, d)
	if err != nil {
		return err
	}
	defer d.Free(v)
	defer p.Close()
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := p.Run(stopped); !fault.Is(err, fault.Cancelled) {
		return fmt.Errorf("Run: got %v, want a cancelled fault", err)
	}
	got, err := sum(ctx, p, x, y, 1, 1, 1)
	return exactly(got, err, 2, 2, 2)
}

func inputsStay(ctx context.Context, d device.Device) error {
	x, y, v, p, err := simple(ctx, d)
	if err != nil {
		return err
	}
	defer d.Free(v)
	defer p.Close()
	in := []float32{1, 2, 3}
	if err := p.Write(x, tensor.F32Bytes(in)); err != nil {
		return err
	}
	clear(in) // the program must have its own copy
	for range 2 {
		got, err := runAndRead(ctx, p, []*graph.Node{y})
		if err != nil {
			return err
		}
		if err := exactly(got[0], nil, 2, 3, 4); err != nil {
			return err
		}
	}
	return nil
}
