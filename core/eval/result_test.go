package eval

import (
	"bytes"
	"strings"
	"testing"
)

func half() *float64 { h := 0.5; return &h }

func cell(task, name string, shots int, seed uint64, hits string) Result {
	right := strings.Count(hits, "1")
	return Result{Key: task + name + string(rune('a'+shots)) + string(rune('a'+seed)), Task: task, Name: name, Shots: shots, Seed: seed, N: len(hits), Hits: hits,
		Metric: MetricAccuracy, Accuracy: float64(right) / float64(len(hits))}
}

// Lines are read back as they were written; the last of a key stands; what a
// killed run leaves of a line is dropped.
func TestParse(t *testing.T) {
	a, b := cell("t", "z", 4, 0, "0110"), cell("t", "mu", 4, 0, "1110")
	a.Exact, a.RougeL, a.Rouge = half(), half(), []float64{0, 1, 1, 0}
	var file []byte
	for _, r := range []Result{a, b} {
		l, err := r.Line()
		if err != nil {
			t.Fatal(err)
		}
		file = append(file, l...)
	}
	newer := b
	newer.Seconds = 7
	last, _ := newer.Line()
	for _, c := range []struct {
		name  string
		file  []byte
		n     int
		whole int
	}{
		{"two lines", file, 2, len(file)},
		{"an empty line between", append(append(bytes.Clone(file), '\n'), last...), 2, len(file) + 1 + len(last)},
		{"no break at the end", bytes.TrimSpace(file), 2, len(file) - 1},
		{"a torn line", append(bytes.Clone(file), last[:20]...), 2, len(file)},
		{"nothing", nil, 0, 0},
	} {
		got, whole, err := Parse("f", c.file)
		if err != nil || len(got) != c.n || whole != c.whole {
			t.Errorf("%s: %d results, %d bytes, %v; want %d, %d", c.name, len(got), whole, err, c.n, c.whole)
		}
	}
	got, _, err := Parse("f", append(bytes.Clone(file), last...))
	if err != nil || len(got) != 2 || got[1].Seconds != 7 || got[0].Value() != 0.5 || got[0].RougeL == nil {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"{\n", "{}\n", `{"task":"t","name":"z","n":0}` + "\n", `{"task":"t","name":"z","n":2,"hits":"1"}` + "\n",
		`{"task":"t","name":"z","n":1,"hits":"2"}` + "\n", `{"task":"t","name":"z","n":1,"metric":"f1"}` + "\n"} {
		if _, _, err := Parse("f", append(bytes.Clone(file), bad...)); err == nil || !strings.Contains(err.Error(), "f, line 3") {
			t.Errorf("%q: %v, want a fault that names line 3", bad, err)
		}
	}
}

// A result's cell has the metric as its mean.
func TestCell(t *testing.T) {
	r := Result{N: 5, Hits: "11010", Gold: []int{0, 0, 0, 1, 1}, Labels: []string{"a", "b"}, Metric: MetricBalanced, Accuracy: 0.6, RougeL: half(), Exact: half(), Rouge: []float64{0, 1, 1, 0.5, 0}}
	r.Balanced = Balanced(r.Gold, []bool{true, true, false, true, false})
	for _, m := range []string{MetricAccuracy, MetricBalanced, MetricRougeL, ""} {
		if r.Metric = m; !near(r.Cell().Mean(), r.Value(), 1e-12) {
			t.Errorf("metric %q: mean %v of %v, want %v", m, r.Cell().Mean(), r.Cell(), r.Value())
		}
	}
	r.Gold, r.Rouge = nil, nil // rows that can't give the metric
	for _, m := range []string{MetricBalanced, MetricRougeL} {
		if r.Metric = m; !near(r.Cell().Mean(), r.Value(), 1e-12) {
			t.Errorf("metric %q without its rows: %v, want %v", m, r.Cell(), r.Value())
		}
	}
	if r.Metric = MetricExact; r.Value() != 0.5 {
		t.Errorf("exact: %v", r.Value())
	}
}

func TestSummaries(t *testing.T) {
	rs := []Result{
		cell("t", "z", 4, 0, "1111"), cell("t", "z", 4, 1, "1100"), cell("u", "z", 4, 0, "1000"),
		cell("t", "mu", 4, 0, "1110"), cell("t", "mu", 4, 1, "0000"), cell("u", "mu", 4, 1, "1111"), cell("t", "z", 8, 0, "1111"),
	}
	rs[0].Trainable = 9
	gs := Groups(rs)
	if len(gs) != 5 || gs[0].N() != 8 || gs[0].Value() != 0.75 {
		t.Fatalf("%d groups, the first %+v", len(gs), gs[0])
	}
	if i := gs[0].Interval(); !(i.Lo < 0.75 && i.Hi > 0.75 && i.Hi <= 1) {
		t.Errorf("interval %v", i)
	}
	over := Over(gs)
	if len(over) != 3 || over[0].Name != "z" || over[0].Tasks != 2 || over[0].Mean != 0.5 || over[0].Trainable != 9 {
		t.Errorf("over tasks: %+v", over)
	}
	p := Versus(rs, "z", "mu", 4) // u has no seed in common
	if p.Tasks != 1 || p.Pairs != 2 || !near(p.Mean, (0.25+0.5)/2, 1e-12) {
		t.Errorf("z − mu: %+v", p)
	}
	if p := Versus(rs, "z", "mu", 8); p.Pairs != 0 {
		t.Errorf("8 shots: %+v", p)
	}
	rs[3].Hits = "" // a run that kept no rows counts by its value
	if q := Versus(rs, "z", "mu", 0); q.Pairs != 2 || !near(q.Mean, p.Mean, 1e-12) {
		t.Errorf("without rows: %+v", q)
	}
}

func TestTable(t *testing.T) {
	tab := Table{Head: []string{"<name", "n"}}
	tab.Add("a|b", "12")
	var text, md bytes.Buffer
	if tab.Text(&text) != nil || tab.Markdown(&md) != nil {
		t.Fatal("writing failed")
	}
	if text.String() != "name  n\na|b   12\n" {
		t.Errorf("text %q", text.String())
	}
	if md.String() != "| name | n |\n| --- | --: |\n| a\\|b | 12 |\n" {
		t.Errorf("markdown %q", md.String())
	}
}
