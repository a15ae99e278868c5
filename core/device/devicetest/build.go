package devicetest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"handful/core/device"
	"handful/core/graph"
	"handful/core/tensor"
)

// Build is a graph whose inputs and variables have seeded random values.
type Build struct {
	*graph.Graph
	rng    *rand.Rand
	inputs []*graph.Node
	data   [][]byte
	vars   []*tensor.Var
	params []*tensor.Var
}

// NewBuild starts an empty graph; equal names give equal values.
func NewBuild(name string) *Build {
	h := fnv.New64a()
	h.Write([]byte(name))
	return &Build{Graph: graph.New(), rng: rand.New(rand.NewPCG(h.Sum64(), 1))}
}

// Normal draws n values of mean 0 and the given deviation.
func (b *Build) Normal(n int, deviation float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(b.rng.NormFloat64() * deviation)
	}
	return v
}

// Rand is an F32 input of normal values.
func (b *Build) Rand(shape ...int) *graph.Node {
	return b.Values(b.Normal(tensor.Numel(shape), 1), shape...)
}

// Values is an F32 input of the given values.
func (b *Build) Values(v []float32, shape ...int) *graph.Node {
	return b.input(tensor.F32, tensor.F32Bytes(v), shape...)
}

// Ints is an I32 input [n].
func (b *Build) Ints(v ...int32) *graph.Node { return b.input(tensor.I32, tensor.I32Bytes(v), len(v)) }

// Pairs is an I32 input [n, 2].
func (b *Build) Pairs(v [][2]int32) *graph.Node {
	flat := make([]int32, 0, 2*len(v))
	for _, p := range v {
		flat = append(flat, p[0], p[1])
	}
	return b.input(tensor.I32, tensor.I32Bytes(flat), len(v), 2)
}

func (b *Build) input(dt tensor.DType, data []byte, shape ...int) *graph.Node {
	n := b.Input(fmt.Sprintf("in%d", len(b.inputs)), dt, shape...)
	b.inputs, b.data = append(b.inputs, n), append(b.data, data)
	return n
}

// Weight is a frozen variable of any type, normal and scaled by 1/√columns.
func (b *Build) Weight(dt tensor.DType, shape ...int) *graph.Node {
	return b.Use(b.variable(Random(b.rng, fmt.Sprintf("w%d", len(b.vars)), dt, shape...)))
}

// Param is a trainable F32 variable of normal values, which Grads includes.
func (b *Build) Param(shape ...int) *graph.Node {
	return b.ParamOf(b.Normal(tensor.Numel(shape), 1), shape...)
}

// ParamOf is a trainable F32 variable of the given values.
func (b *Build) ParamOf(values []float32, shape ...int) *graph.Node {
	v := b.variable(tensor.FromF32(fmt.Sprintf("p%d", len(b.vars)), values, shape...))
	v.Trainable = true
	b.params = append(b.params, v)
	return b.Use(v)
}

func (b *Build) variable(v *tensor.Var) *tensor.Var {
	b.vars = append(b.vars, v)
	return v
}

// Grads are y and, for a random cotangent, the gradients of all parameters in
// the order of their making. A failure panics, as graph building does.
func (b *Build) Grads(y *graph.Node) []*graph.Node {
	g, err := graph.Grad(graph.Dot(y, b.Rand(y.Shape...)), graph.StoreAll, b.params...)
	if err != nil {
		panic(err)
	}
	return append([]*graph.Node{y}, g...)
}

// Slots draws n rows' task slots below tasks: every seventh row has none, one
// names a task that is not there.
func (b *Build) Slots(n, tasks int) []int32 {
	s := b.Below(n, tasks)
	for i := 3; i < n; i += 7 {
		s[i] = -1
	}
	if n > 5 {
		s[5] = int32(tasks)
	}
	return s
}

// Below draws n indices in [0, limit).
func (b *Build) Below(n, limit int) []int32 {
	v := make([]int32, n)
	for i := range v {
		v[i] = int32(b.rng.IntN(limit))
	}
	return v
}

// feed writes all inputs. Those that the program does not need must be ignored.
func (b *Build) feed(p device.Program) error {
	for i, n := range b.inputs {
		if err := p.Write(n, b.data[i]); err != nil {
			return err
		}
	}
	return nil
}
