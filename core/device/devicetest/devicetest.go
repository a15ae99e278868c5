// Package devicetest is the conformance suite of devices: every op and its
// gradient at awkward sizes, compared with the cpu device's reference kernels,
// and what Device and Program promise.
//
// It knows nothing of *testing.T, so that the same cases run under go test and
// in a browser:
//
//	for _, c := range devicetest.Cases() {
//		if err := c.Run(ctx, d); err != nil { … }
//	}
package devicetest

import (
	"bytes"
	"context"
	"fmt"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Case is one check of a device. Run leaves no variable behind on d.
type Case struct {
	Name string
	Run  func(ctx context.Context, d device.Device) error
}

// Cases are the checks that every device must pass.
func Cases() []Case {
	var all []Case
	for _, list := range [][]Case{
		elementwiseCases(), normCases(), gatherCases(), linearCases(), epilogueCases(), routedCases(),
		mixCases(), routerCases(), ropeCases(), attentionCases(), cacheCases(), lossCases(), optimCases(), adafactorCases(), blockCases(), contractCases(),
	} {
		all = append(all, list...)
	}
	return all
}

// sizes are row and column counts around the edges of vectors, tiles and
// workgroups.
var sizes = []int{1, 3, 7, 33, 65, 127}

// manyRows is one more than what a dispatch may count along one axis.
const manyRows = 65_535 + 2

// DTypes are the element types that weights come in.
var DTypes = []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_0, tensor.Q4_1,
	tensor.Q5_0, tensor.Q5_1, tensor.IQ4_NL, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K}

// whole is n columns or as many more as a block of dt wants.
func whole(dt tensor.DType, n int) int {
	e, _ := dt.Block()
	return (n + e - 1) / e * e
}

// compare is a case that builds one graph and wants d's outputs, and the
// variables that it changes, to be near the reference's. A second run of a
// graph without effects must give the same bits.
func compare(name string, tol Tolerance, build func(b *Build) []*graph.Node) Case {
	return Case{name, func(ctx context.Context, d device.Device) (err error) {
		defer fault.Recover(name, &err)
		b := NewBuild(name)
		outs := build(b)
		ref := cpu.New(cpu.Reference)
		defer ref.Close()
		want, err := b.values(ctx, ref, outs, 1)
		if err != nil {
			return fmt.Errorf("reference: %w", err)
		}
		got, err := b.values(ctx, d, outs, 2)
		if err != nil {
			return err
		}
		for i := range want {
			if err := tol.Check(got[i], want[i]); err != nil {
				return fmt.Errorf("output %d, %s: %w", i, outs[i], err)
			}
		}
		return nil
	}}
}

// values compiles outs on d, runs them and reads them. Every run must give the
// same bits.
func (b *Build) values(ctx context.Context, d device.Device, outs []*graph.Node, runs int) ([][]float32, error) {
	defer d.Free(b.vars...)
	p, err := d.Compile(ctx, outs...)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := b.feed(p); err != nil {
		return nil, err
	}
	first, err := runAndRead(ctx, p, outs)
	if err != nil {
		return nil, err
	}
	for range runs - 1 {
		again, err := runAndRead(ctx, p, outs)
		if err != nil {
			return nil, err
		}
		for i := range first {
			if !bytes.Equal(tensor.F32Bytes(first[i]), tensor.F32Bytes(again[i])) {
				return nil, fmt.Errorf("output %d, %s: another run gives other bits: %v", i, outs[i], Tolerance{}.Check(again[i], first[i]))
			}
		}
	}
	return first, nil
}

// runAndRead runs a program once and reads the given outputs.
func runAndRead(ctx context.Context, p device.Program, outs []*graph.Node) ([][]float32, error) {
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	var all [][]float32
	for _, o := range outs {
		v := make([]float32, o.Numel())
		if err := p.Read(ctx, o, tensor.F32Bytes(v)); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// script is a case whose steps are written by hand: f runs on the reference
// and on d, and what it returns must be near.
func script(name string, tol Tolerance, f func(ctx context.Context, d device.Device, b *Build) ([][]float32, error)) Case {
	return Case{name, func(ctx context.Context, d device.Device) (err error) {
		defer fault.Recover(name, &err)
		one := func(d device.Device) ([][]float32, error) {
			b := NewBuild(name)
			defer func() { d.Free(b.vars...) }()
			return f(ctx, d, b)
		}
		ref := cpu.New(cpu.Reference)
		defer ref.Close()
		want, err := one(ref)
		if err != nil {
			return fmt.Errorf("reference: %w", err)
		}
		got, err := one(d)
		if err != nil {
			return err
		}
		for i := range want {
			if err := tol.Check(got[i], want[i]); err != nil {
				return fmt.Errorf("value %d: %w", i, err)
			}
		}
		return nil
	}}
}
