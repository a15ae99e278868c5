//go:build !js

package ui

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSiteParts(t *testing.T) {
	for name, want := range map[string][2]string{
		"model.layers.3.self_attn.q_proj":          {"layers.3", "self_attn.q_proj"},
		"encoder.block.11.layer.0.SelfAttention.q": {"block.11", "layer.0.SelfAttention.q"},
		"lm_head":   {"", "lm_head"},
		"experts.7": {"", "experts.7"},
		"":          {"", ""},
		"...":       {"", "..."},
		"base_model.model.model.layers.0.mlp.gate_proj": {"layers.0", "mlp.gate_proj"},
	} {
		if l, m := siteParts(name); l != want[0] || m != want[1] {
			t.Errorf("%q: got %q and %q, want %q", name, l, m, want)
		}
	}
}

func someRouting(layers, heads, skills int) *routing {
	r := &routing{Step: 40}
	for l := range layers {
		for _, m := range []string{"self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj"} {
			r.Sites = append(r.Sites, fmt.Sprintf("model.layers.%d.%s", l, m))
			var w [][]float32
			for h := range heads {
				row := make([]float32, skills)
				for s := range row {
					row[s] = 1 / float32(skills)
				}
				row[(l+h)%skills] *= 2
				w = append(w, row)
			}
			r.W = append(r.W, w)
		}
	}
	return r
}

func TestHeatMapLayout(t *testing.T) {
	m := newHeatMap([]string{"model.layers.0.q", "model.layers.0.v", "model.layers.1.v", "model.layers.2.q", "encoder.block.0.q", "other.0.q"})
	if want := []string{"layers.0", "layers.1", "layers.2", "block.0", "other.0"}; !slices.Equal(m.rows, want) {
		t.Errorf("got the rows %v, want %v", m.rows, want)
	}
	if want := []string{"q", "v"}; !slices.Equal(m.cols, want) {
		t.Errorf("got the columns %v, want %v", m.cols, want)
	}
	for _, x := range [][3]int{{0, 0, 0}, {0, 1, 1}, {1, 0, -1}, {1, 1, 2}, {2, 0, 3}, {2, 1, -1}, {4, 0, 5}} {
		if got := m.site(x[0], x[1]); got != x[2] {
			t.Errorf("row %d column %d: got site %d, want %d", x[0], x[1], got, x[2])
		}
	}
}

// t5Sites are a T5's, as its model lists them.
func t5Sites(blocks int, kinds ...string) (out []string) {
	for _, stack := range []string{"encoder", "decoder"} {
		for b := range blocks {
			at := 0
			for _, kind := range []string{"SelfAttention", "EncDecAttention", "DenseReluDense"} {
				if kind == "EncDecAttention" && stack == "encoder" {
					continue
				}
				modules := []string{"q", "k", "v", "o"}
				if kind == "DenseReluDense" {
					modules = []string{"wi_0", "wi_1", "wo"}
				}
				for _, m := range modules {
					if len(kinds) == 0 || slices.Contains(kinds, kind) {
						out = append(out, fmt.Sprintf("%s.block.%d.layer.%d.%s.%s", stack, b, at, kind, m))
					}
				}
				at++
			}
		}
	}
	return out
}

// A T5's labels tell the stack, the block, and which attention it is; both stacks
// share columns, and the encoder has nothing in those of the other attention.
func TestT5Labels(t *testing.T) {
	sites := t5Sites(2)
	slices.Reverse(sites) // whatever order a file has
	m := newHeatMap(sites)
	if want := []string{"enc 0", "enc 1", "dec 0", "dec 1"}; !slices.Equal(m.rows, want) {
		t.Errorf("got the rows %q, want %q", m.rows, want)
	}
	want := []string{"self q", "self k", "self v", "self o", "cross q", "cross k", "cross v", "cross o", "wi_0", "wi_1", "wo"}
	if !slices.Equal(m.cols, want) || !slices.Equal(shortNames(m.cols), want) {
		t.Errorf("got the columns %q as %q, want %q", m.cols, shortNames(m.cols), want)
	}
	for r, row := range m.rows {
		for c, col := range m.cols {
			i := m.site(r, c)
			if missing := strings.HasPrefix(row, "enc") && strings.HasPrefix(col, "cross"); missing != (i < 0) {
				t.Errorf("%s %s is site %d", row, col, i)
			} else if i >= 0 {
				at, ok := t5Parts(sites[i])
				if !ok || at.row != row || at.col != col {
					t.Errorf("%s %s is %s", row, col, sites[i])
				}
			}
		}
	}
	if got := newHeatMap(t5Sites(1, "SelfAttention")).cols; !slices.Equal(shortNames(got), want[:4]) {
		t.Errorf("self-attention alone has the columns %q", got)
	}
	r := &routing{Step: 1, Sites: sites}
	for range sites {
		r.W = append(r.W, [][]float32{{.5, .5}})
	}
	svg := drawRouting(640, r)
	wellFormed(t, svg)
	if n := strings.Count(svg, `class="none"`); n != 8 {
		t.Errorf("%d places are left out, want 8", n)
	}
	for _, label := range append(m.rows, want...) {
		if !strings.Contains(svg, ">"+label+"<") {
			t.Errorf("the map has no label %q", label)
		}
	}
}

func TestShortNames(t *testing.T) {
	for _, x := range [][2][]string{
		{{"mlp.up_proj", "SelfAttention.q", "EncDecAttention.q"}, {"up_proj", "SelfAttention.q", "EncDecAttention.q"}},
		{{"self_attn.q_proj", "self_attn.k_proj", "mlp.up_proj"}, {"q", "k", "up"}},
		{{"mlp.up_proj"}, {"up_proj"}},
		{{"a_proj", "_proj"}, {"a_proj", "_proj"}},
		{{""}, {""}},
	} {
		if got := shortNames(x[0]); !slices.Equal(got, x[1]) {
			t.Errorf("got %q, want %q", got, x[1])
		}
	}
	for _, x := range []struct {
		names   []string
		heading string
		want    []string
	}{
		{[]string{"layers.0", "layers.1"}, "layers", []string{"0", "1"}},
		{[]string{"encoder block.0", "decoder block.0"}, "", []string{"encoder block.0", "decoder block.0"}},
		{[]string{"layers.0", ""}, "", []string{"layers.0", ""}},
	} {
		if heading, got := rowNames(x.names); heading != x.heading || !slices.Equal(got, x.want) {
			t.Errorf("got %q and %q, want %q and %q", heading, got, x.heading, x.want)
		}
	}
}

func TestDrawRouting(t *testing.T) {
	r := someRouting(4, 8, 8)
	r.Sites[0] = `<img src=x onerror="alert(1)">.0.q_"proj`
	for _, s := range []string{drawRouting(640, r), drawScale(r), routingTable(r)} {
		wellFormed(t, s)
		if strings.Contains(s, "<img") || strings.Contains(s, `"alert`) {
			t.Errorf("a site's name is not escaped: %.400s", s)
		}
	}
	if !strings.Contains(drawRouting(640, r), "12 sites, 8 heads, 8 skills") {
		t.Error("the map does not say what it shows")
	}
	for name, r := range map[string]*routing{"nil": nil, "empty": {}, "no weights": {Sites: []string{"a"}}, "no heads": {Sites: []string{"a"}, W: [][][]float32{{}}},
		"no skills": {Sites: []string{"a"}, W: [][][]float32{{{}}}}} {
		if s := drawRouting(640, r) + routingTable(r); s != "" {
			t.Errorf("%s: got %s, want nothing", name, s)
		}
	}
	r = someRouting(1, 2, 3)
	r.W[1] = r.W[1][:1] // a site with fewer heads must not panic
	wellFormed(t, drawRouting(640, r))
	wellFormed(t, routingTable(r))
}

func TestBitmap(t *testing.T) {
	s := bitmap(2, 3, func(x, y int) (byte, byte, byte) { return byte(10*y + x), 100, 200 })
	p, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "data:image/bmp;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	if len(p) != 54+3*8 || int(p[2]) != len(p) {
		t.Fatalf("got %d bytes, the header says %d, want %d", len(p), p[2], 54+3*8)
	}
	if got := p[54 : 54+6]; !slices.Equal(got, []byte{200, 100, 20, 200, 100, 21}) {
		t.Errorf("the bottom row is %v", got)
	}
}

func TestColour(t *testing.T) {
	last := -1.0
	for i := range 101 {
		r, g, b := colour(float64(i) / 100)
		light := .2126*float64(r) + .7152*float64(g) + .0722*float64(b)
		if light <= last {
			t.Errorf("at %d%% the colour is no lighter than before: %g, %g", i, light, last)
		}
		last = light
	}
	for _, f := range []float64{-1, 2} {
		colour(f)
	}
}
