// Package graph is a static graph of coarse tensor operations with
// reverse-mode gradients in the same graph.
//
// A graph is built once per shape bucket, compiled by a device and replayed.
// Nodes are immutable and have one output. Building panics on programmer
// errors with a *fault.Error that names the op and the shapes; callers leave
// through fault.Recover. Each op stands in one op_*.go file with its forward
// formula, its derivative, its VJP and the names of its kernels.
//
// Rows: activations are [n, d]. Tokens of all examples lie end to end
// ("ragged batch"); what belongs together is told by I32 inputs: spans for
// attention, task slots for routed products, row lists for gathers. A row
// index < 0 means "no row" everywhere: gathers give zeros, scatters skip.
package graph

import (
	"fmt"

	"handful/core/fault"
	"handful/core/tensor"
)

// Kind names an op; devices dispatch on it.
type Kind string

// Node is one value: an input, a variable or the result of an op.
type Node struct {
	ID    int // creation order, which is topological
	Kind  Kind
	Name  string // inputs and variables
	In    []*Node
	Shape []int
	DType tensor.DType // F32 except for inputs of indices and stored weights
	Attr  any          // the op's attribute struct, nil when it has none
	Var   *tensor.Var  // KindVar, and effects: the variable read or written
	kept  bool         // see Keep
	g     *Graph
}

const (
	KindInput Kind = "Input" // written by the host before each run
	KindVar   Kind = "Var"   // a variable's value
	KindFill  Kind = "Fill"  // a constant: Attr is float32
)

// Graph owns nodes.
type Graph struct {
	nodes []*Node
	vars  map[*tensor.Var]*Node
}

// New makes an empty graph.
func New() *Graph { return &Graph{vars: map[*tensor.Var]*Node{}} }

// Nodes are all nodes in creation order.
func (g *Graph) Nodes() []*Node { return g.nodes }

// Input declares a tensor that the host writes before each run; F32 or I32.
func (g *Graph) Input(name string, dt tensor.DType, shape ...int) *Node {
	n := g.add(KindInput, nil, shape)
	n.Name, n.DType = name, dt
	return n
}

// Use reads a variable. The same variable gives the same node.
func (g *Graph) Use(v *tensor.Var) *Node {
	if n := g.vars[v]; n != nil {
		return n
	}
	n := g.add(KindVar, nil, v.Shape)
	n.Name, n.DType, n.Var = v.Name, v.DType, v
	g.vars[v] = n
	return n
}

// Fill is a constant tensor of one value.
func (g *Graph) Fill(value float32, shape ...int) *Node {
	n := g.add(KindFill, nil, shape)
	n.Attr = value
	return n
}

func (g *Graph) add(k Kind, attr any, shape []int, in ...*Node) *Node {
	for _, s := range shape {
		if s <= 0 {
			panic(fault.New(fault.Bug, string(k), "shape %v has an empty axis", shape))
		}
	}
	n := &Node{ID: len(g.nodes), Kind: k, In: in, Shape: append([]int(nil), shape...), Attr: attr, g: g}
	g.nodes = append(g.nodes, n)
	return n
}

// Rows is the first axis, Cols the product of the others.
func (n *Node) Rows() int { return n.Shape[0] }
func (n *Node) Cols() int { return tensor.Numel(n.Shape[1:]) }

// Numel is the number of elements, Bytes the size in memory.
func (n *Node) Numel() int { return tensor.Numel(n.Shape) }
func (n *Node) Bytes() int { return n.DType.Bytes(n.Shape...) }

func (n *Node) String() string {
	s := fmt.Sprintf("#%d %s", n.ID, n.Kind)
	if n.Name != "" {
		s += " " + n.Name
	}
	return fmt.Sprintf("%s %v", s, n.Shape)
}

// want panics with a shape fault naming the op unless ok.
func want(k Kind, ok bool, format string, args ...any) {
	if !ok {
		panic(fault.New(fault.Bug, string(k), format, args...).Next("fix the graph's builder"))
	}
}

func sameShape(a, b *Node) bool {
	if len(a.Shape) != len(b.Shape) {
		return false
	}
	for i := range a.Shape {
		if a.Shape[i] != b.Shape[i] {
			return false
		}
	}
	return true
}

func isIndex(n *Node, rows int) bool {
	return n.DType == tensor.I32 && len(n.Shape) == 1 && n.Shape[0] == rows
}
