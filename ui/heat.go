package ui

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// heatMap is where each site of a routing lies: a row a layer, a column a
// module of the layer.
type heatMap struct {
	rows, cols []string
	at         [][]int // [row][col]: index of the site, -1 for none
}

// siteParts splits a module's name behind its first number: the layer it lies
// in, and what it is there. "model.layers.3.self_attn.q_proj" is "layers.3"
// and "self_attn.q_proj".
func siteParts(name string) (layer, module string) {
	parts := strings.Split(name, ".")
	for i, p := range parts[:len(parts)-1] {
		if p != "" && strings.Trim(p, "0123456789") == "" {
			return strings.Join(parts[max(0, i-1):i+1], "."), strings.Join(parts[i+1:], ".")
		}
	}
	return "", name
}

// t5Kinds are the parts of a T5's block in short, in the order in which a token
// goes through them; a feed-forward's modules have names of their own.
var t5Kinds = []t5Kind{{"SelfAttention", "self "}, {"EncDecAttention", "cross "}, {"DenseReluDense", ""}}

type t5Kind struct{ name, short string }

// t5Modules are the modules of all kinds, in order.
var t5Modules = []string{"q", "k", "v", "o", "wi", "wi_0", "wi_1", "wo"}

// t5Site is where a T5's module lies in the map: names and ranks of its row and
// column.
type t5Site struct {
	row, col     string
	rowAt, colAt int
}

// t5Parts splits the name of a T5's module, "decoder.block.1.layer.1.EncDecAttention.q"
// into "dec 1" and "cross q", so that both stacks share columns.
func t5Parts(name string) (at t5Site, ok bool) {
	p := strings.Split(name, ".")
	if len(p) != 7 || p[0] != "encoder" && p[0] != "decoder" || p[1] != "block" || p[3] != "layer" {
		return at, false
	}
	block, err := strconv.Atoi(p[2])
	kind := slices.IndexFunc(t5Kinds, func(k t5Kind) bool { return k.name == p[5] })
	if err != nil || kind < 0 {
		return at, false
	}
	at = t5Site{row: p[0][:3] + " " + p[2], col: t5Kinds[kind].short + p[6], rowAt: block, colAt: kind*len(t5Modules) + slices.Index(t5Modules, p[6])}
	if p[0] == "decoder" {
		at.rowAt += 1 << 20 // behind the encoder's
	}
	return at, true
}

// newHeatMap lays sites out in the order in which layers and modules come.
func newHeatMap(sites []string) *heatMap {
	m := &heatMap{}
	rowAt, colAt := map[string]int{}, map[string]int{}
	row, col := map[string]int{}, map[string]int{}
	index := func(of map[string]int, names *[]string, name string) int {
		i, ok := of[name]
		if !ok {
			i = len(*names)
			of[name] = i
			*names = append(*names, name)
		}
		return i
	}
	for i, s := range sites {
		layer, module := siteParts(s)
		if at, ok := t5Parts(s); ok {
			layer, module = at.row, at.col
			rowAt[layer], colAt[module] = at.rowAt, at.colAt
		}
		r, c := index(row, &m.rows, layer), index(col, &m.cols, module)
		for len(m.at) <= r {
			m.at = append(m.at, nil)
		}
		for len(m.at[r]) <= c {
			m.at[r] = append(m.at[r], -1)
		}
		m.at[r][c] = i
	}
	return m.sorted(rowAt, colAt)
}

// sorted puts rows and columns in the order of their ranks; those of equal rank
// stay as they are.
func (m *heatMap) sorted(rowAt, colAt map[string]int) *heatMap {
	rows, cols := ranked(m.rows, rowAt), ranked(m.cols, colAt)
	out := &heatMap{}
	for _, c := range cols {
		out.cols = append(out.cols, m.cols[c])
	}
	for _, r := range rows {
		var at []int
		for _, c := range cols {
			at = append(at, m.site(r, c))
		}
		out.rows, out.at = append(out.rows, m.rows[r]), append(out.at, at)
	}
	return out
}

// ranked are the places of names in the order of their ranks.
func ranked(names []string, rank map[string]int) (places []int) {
	for i := range names {
		places = append(places, i)
	}
	slices.SortStableFunc(places, func(a, b int) int { return rank[names[a]] - rank[names[b]] })
	return places
}

// site is the index at a row and column, -1 for none.
func (m *heatMap) site(row, col int) int {
	if col >= len(m.at[row]) {
		return -1
	}
	return m.at[row][col]
}

// scale is viridis at nine stops: even steps of lightness, told apart with
// every kind of colour vision.
var scale = [][3]float64{
	{68, 1, 84}, {71, 45, 123}, {59, 82, 139}, {44, 114, 142}, {33, 145, 140}, {40, 174, 128}, {94, 201, 98}, {173, 220, 48}, {253, 231, 37},
}

// colour is that of f in 0 … 1.
func colour(f float64) (r, g, b byte) {
	if !(f > 0) {
		f = 0
	}
	p := math.Min(f, 1) * float64(len(scale)-1)
	i := min(int(p), len(scale)-2)
	mix := func(k int) byte {
		a, z := scale[i][k], scale[i+1][k]
		return byte(math.Round(a + (z-a)*(p-float64(i))))
	}
	return mix(0), mix(1), mix(2)
}

// bitmap is a BMP of w·h pixels as a data address.
func bitmap(w, h int, at func(x, y int) (r, g, b byte)) string {
	const head = 54
	stride := (3*w + 3) &^ 3
	p := make([]byte, head+stride*h)
	copy(p, "BM")
	put := binary.LittleEndian
	put.PutUint32(p[2:], uint32(len(p)))
	put.PutUint32(p[10:], head)
	put.PutUint32(p[14:], 40)
	put.PutUint32(p[18:], uint32(w))
	put.PutUint32(p[22:], uint32(h)) // rows from the bottom up
	put.PutUint16(p[26:], 1)
	put.PutUint16(p[28:], 24)
	for y := range h {
		for x := range w {
			r, g, b := at(x, h-1-y)
			copy(p[head+y*stride+3*x:], []byte{b, g, r})
		}
	}
	return "data:image/bmp;base64," + base64.StdEncoding.EncodeToString(p)
}

// The map's geometry, in the SVG's own units.
const (
	mapTop  = 22
	mapHigh = 420 // about, however many layers there are
)

// drawRouting draws w[site][head][skill] as an SVG of a width. Colours go from
// 0 to top; sites' names are escaped.
func drawRouting(width int, r *routing) string {
	if r == nil || len(r.Sites) == 0 || len(r.W) != len(r.Sites) || len(r.W[0]) == 0 || len(r.W[0][0]) == 0 {
		return ""
	}
	m := newHeatMap(r.Sites)
	heads, skills := len(r.W[0]), len(r.W[0][0])
	most := top(r.W)
	weight := func(site, head, skill int) float64 {
		if site < 0 || head >= len(r.W[site]) || skill >= len(r.W[site][head]) {
			return 0
		}
		return float64(r.W[site][head][skill])
	}
	data := bitmap(len(m.cols)*skills, len(m.rows)*heads, func(x, y int) (byte, byte, byte) {
		return colour(weight(m.site(y/heads, x/skills), y%heads, x%skills) / most)
	})
	heading, rows := rowNames(m.rows)
	left := 14 + 7*len(heading)
	for _, n := range rows {
		left = max(left, 14+7*len(n))
	}
	wide := max((width-left)/len(m.cols), 12)
	high := max(min(mapHigh/len(m.rows), 48), heads/2, 2)
	w, h := len(m.cols)*wide, len(m.rows)*high
	var b strings.Builder
	word := func(x, y int, anchor, text string) {
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%d" text-anchor="%s">%s</text>`, x, y, anchor, html.EscapeString(text))
	}
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, left+w+2, mapTop+h+2, html.EscapeString(routingLabel(r)))
	word(left-8, mapTop-8, "end", heading)
	for c, name := range shortNames(m.cols) {
		word(left+c*wide+wide/2, mapTop-8, "middle", name)
	}
	every := max(1, (13+high-1)/high)
	for i := 0; i < len(rows); i += every {
		word(left-8, mapTop+i*high+high/2+4, "end", rows[i])
	}
	fmt.Fprintf(&b, `<image x="%d" y="%d" width="%d" height="%d" preserveAspectRatio="none" href="%s"/>`, left, mapTop, w, h, data)
	for r := range m.rows {
		for c := range m.cols {
			if m.site(r, c) < 0 { // no such site: not a weight of 0
				fmt.Fprintf(&b, `<rect class="none" x="%d" y="%d" width="%d" height="%d"/>`, left+c*wide, mapTop+r*high, wide, high)
			}
		}
	}
	for c := range len(m.cols) + 1 {
		fmt.Fprintf(&b, `<line class="gap" x1="%d" x2="%d" y1="%d" y2="%d"/>`, left+c*wide, left+c*wide, mapTop, mapTop+h)
	}
	for i := range len(m.rows) + 1 {
		fmt.Fprintf(&b, `<line class="gap" x1="%d" x2="%d" y1="%d" y2="%d"/>`, left, left+w, mapTop+i*high, mapTop+i*high)
	}
	b.WriteString(`</svg>`)
	return b.String()
}

// rowNames parts "layers.0", "layers.1" … into a heading and numbers. Names
// that have no beginning in common stay whole.
func rowNames(names []string) (heading string, out []string) {
	for i, n := range names {
		at := strings.LastIndexByte(n, '.')
		if at < 0 || i > 0 && n[:at] != heading {
			out = nil
			for _, n := range names {
				out = append(out, clip(n, 24))
			}
			return "", out
		}
		heading = n[:at]
		out = append(out, n[at+1:])
	}
	return clip(heading, 12), out
}

// shortNames are the last parts of modules' names, two where one is not
// enough to tell them apart, without an end that all have: "q_proj", "k_proj"
// are "q", "k".
func shortNames(names []string) []string {
	last := func(name string, parts int) string {
		p := strings.Split(name, ".")
		return strings.Join(p[max(0, len(p)-parts):], ".")
	}
	times := map[string]int{}
	for _, n := range names {
		times[last(n, 1)]++
	}
	out, end := make([]string, len(names)), ""
	for i, n := range names {
		if out[i] = last(n, 1); times[out[i]] > 1 {
			out[i] = last(n, 2)
		}
		if at := strings.LastIndexByte(out[i], '_'); i == 0 && at > 0 {
			end = out[i][at:]
		}
		if len(names) < 2 || !strings.HasSuffix(out[i], end) || out[i] == end {
			end = ""
		}
	}
	for i := range out {
		out[i] = clip(strings.TrimSuffix(out[i], end), 18)
	}
	return out
}

// top is what the brightest colour stands for: the largest weight, or twice
// the even one, so that a mixture that is nearly even looks so.
func top(w [][][]float32) float64 { return math.Max(largest(w), 2/float64(len(w[0][0]))) }

func largest(w [][][]float32) float64 {
	most := 0.0
	for _, site := range w {
		for _, head := range site {
			for _, v := range head {
				most = math.Max(most, float64(v))
			}
		}
	}
	return most
}

// routingLabel says in words what the map shows.
func routingLabel(r *routing) string {
	skills := len(r.W[0][0])
	return fmt.Sprintf("Routing after step %d: %d sites, %d heads, %d skills; the largest weight is %.3g, an even mixture gives %.3g",
		r.Step, len(r.Sites), len(r.W[0]), skills, largest(r.W), 1/float64(skills))
}

// drawScale is the legend: colours from 0 to top, with a mark at the even
// mixture.
func drawScale(r *routing) string {
	if r == nil || len(r.W) == 0 || len(r.W[0]) == 0 || len(r.W[0][0]) == 0 {
		return ""
	}
	most, even := top(r.W), 1/float64(len(r.W[0][0]))
	const w, left = 180, 14
	data := bitmap(w, 1, func(x, _ int) (byte, byte, byte) { return colour(float64(x) / (w - 1)) })
	at := left + w*even/most
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d 44" aria-hidden="true"><image x="%d" y="14" width="%d" height="10" preserveAspectRatio="none" href="%s"/>`, w+2*left, left, w, data)
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="38" text-anchor="middle">0</text>`, left)
	fmt.Fprintf(&b, `<text class="tick" x="%d" y="38" text-anchor="middle">%.3g</text>`, left+w, most)
	fmt.Fprintf(&b, `<path class="mark" d="M%.1f 12v14"/><text class="tick" x="%.1f" y="9" text-anchor="middle">even %.3g</text>`, at, math.Max(at, 30), even)
	b.WriteString(`</svg>`)
	return b.String()
}

// routingTable is the same in words: for each site each skill's weight, the
// mean over heads, with the largest marked.
func routingTable(r *routing) string {
	if drawRouting(wideChart.w, r) == "" {
		return ""
	}
	skills := len(r.W[0][0])
	var b strings.Builder
	b.WriteString(`<table><thead><tr><th scope="col">site</th>`)
	for s := range skills {
		fmt.Fprintf(&b, `<th scope="col">skill %d</th>`, s+1)
	}
	b.WriteString(`</tr></thead><tbody>`)
	for i, name := range r.Sites {
		fmt.Fprintf(&b, `<tr><th scope="row">%s</th>`, html.EscapeString(clip(name, 80)))
		mean := meanOverHeads(r.W[i], skills)
		best := 0
		for s, v := range mean {
			if v > mean[best] {
				best = s
			}
		}
		for s, v := range mean {
			if s == best {
				fmt.Fprintf(&b, `<td class="best">%.3f</td>`, v)
			} else {
				fmt.Fprintf(&b, `<td>%.3f</td>`, v)
			}
		}
		b.WriteString(`</tr>`)
	}
	b.WriteString(`</tbody></table>`)
	return b.String()
}

func meanOverHeads(heads [][]float32, skills int) []float64 {
	out := make([]float64, skills)
	for _, h := range heads {
		for s := range min(skills, len(h)) {
			out[s] += float64(h[s]) / float64(len(heads))
		}
	}
	return out
}
