//go:build !js

package devicetest_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/device/devicetest"
	"handful/core/graph"
)

// recorder notes which ops are compiled.
type recorder struct {
	device.Device
	kinds map[graph.Kind]bool
}

func (r recorder) Compile(ctx context.Context, outs ...*graph.Node) (device.Program, error) {
	p, err := r.Device.Compile(ctx, outs...)
	if err != nil {
		return nil, err
	}
	plan, err := graph.NewPlan(outs...)
	if err != nil {
		return nil, err
	}
	for _, s := range plan.Steps {
		r.kinds[s.Kind] = true
	}
	if len(plan.Inputs) > 0 {
		r.kinds[graph.KindInput] = true
	}
	if len(plan.Vars) > 0 {
		r.kinds[graph.KindVar] = true
	}
	if len(plan.Fills) > 0 {
		r.kinds[graph.KindFill] = true
	}
	return p, nil
}

// declared reads the names of all ops from package graph's source.
func declared(t *testing.T) map[graph.Kind]bool {
	files, err := filepath.Glob("../../graph/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of package graph: %v", err)
	}
	kinds := map[graph.Kind]bool{}
	for _, f := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			s, ok := n.(*ast.ValueSpec)
			if !ok || len(s.Names) != 1 || len(s.Values) != 1 || !strings.HasPrefix(s.Names[0].Name, "Kind") {
				return true
			}
			if l, ok := s.Values[0].(*ast.BasicLit); ok && l.Kind == token.STRING {
				name, err := strconv.Unquote(l.Value)
				if err != nil {
					t.Fatal(err)
				}
				kinds[graph.Kind(name)] = true
			}
			return true
		})
	}
	return kinds
}

func TestEveryOpIsCovered(t *testing.T) {
	r := recorder{cpu.New(cpu.Fast), map[graph.Kind]bool{}}
	defer r.Close()
	for _, c := range devicetest.Cases() {
		_ = c.Run(context.Background(), r) // TestConformance says whether it passes
	}
	kinds := declared(t)
	if len(kinds) < 30 {
		t.Fatalf("found only %d ops in package graph", len(kinds))
	}
	for k := range kinds {
		if !r.kinds[k] {
			t.Errorf("no case runs %s", k)
		}
	}
}

func TestEveryDerivativeIsCovered(t *testing.T) {
	meant := map[graph.Kind]bool{}
	for _, c := range devicetest.GradChecks() {
		meant[c.Kind] = true
	}
	for k := range graph.Differentiable() {
		if !meant[k] {
			t.Errorf("no gradient check of %s", k)
		}
	}
}
