package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// browserReport is what bench/run.mjs writes.
type browserReport struct {
	Measures map[string]measure `json:"measures"`
}

// measure is one piece of work, done by several sides in turns.
type measure struct {
	Title    string     `json:"title"`
	Values   []string   `json:"values"` // ms, or prefill and decode in tokens a second
	When     string     `json:"when"`
	Repeats  int        `json:"repeats"`
	Quick    bool       `json:"quick"`
	CPUs     int        `json:"cpus"`
	Chromium string     `json:"chromium"`
	Load     [2]float64 `json:"load"` // before and after
	Sides    []side     `json:"sides"`
	Targets  []target   `json:"targets"`
}

// side is who did it. Failed is why there are no samples, or no more of them.
type side struct {
	Name    string               `json:"name"`
	Samples []map[string]float64 `json:"samples"` // value, cpuMs or peakBytes; 0 where it can't be known
	Failed  string               `json:"failed"`
}

// target is what a side is to reach beside a peer: Reach times as fast, or
// memory of at most Most of the peer's, in bytes where there is no peer.
type target struct {
	Ours  string  `json:"ours"`
	Peer  string  `json:"peer"`
	Value string  `json:"value"`
	Reach float64 `json:"reach"`
	Most  float64 `json:"most"`
}

// what of a measure is compared, where it has several values.
var what = map[string]string{"prefill": ", read", "decode": ", written", "peakBytes": ", peak memory"}

// order is that of the page; what it does not name comes last.
var order = []string{"lora-step", "lora-step-gpu", "smollm2-step", "smollm2-text", "product-gpu"}

func readBrowserReport(file string) (*browserReport, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r browserReport
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for name, m := range r.Measures {
		if m.Quick {
			return nil, fmt.Errorf("%s: %s was measured with --quick, which measures nothing; run it again without", file, name)
		}
	}
	return &r, nil
}

// tables prints what was to be reached and what was measured.
func (r *browserReport) tables(w io.Writer) {
	fmt.Fprint(w, "| handful | beside | measured | to reach | |\n|---|---|---|---|---|\n")
	for _, name := range r.names() {
		m := r.Measures[name]
		for _, t := range m.Targets {
			measured, reach, met := m.compare(t)
			peer := t.Peer
			if peer == "" {
				peer = "–"
			}
			fmt.Fprintf(w, "| %s: %s%s | %s | %s | %s | %s |\n", m.Title, t.Ours, what[t.Value], peer, measured, reach, met)
		}
	}
	for _, name := range r.names() {
		r.Measures[name].table(w)
	}
}

func (r *browserReport) names() []string {
	var names []string
	for name := range r.Measures {
		names = append(names, name)
	}
	place := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return names
}

// table prints the medians of all sides, and the spread of the first value.
func (m measure) table(w io.Writer) {
	fmt.Fprintf(w, "\n**%s**: %s, %d × in turns, %d processors, Chromium %s, load %.1f to %.1f\n\n| program |", m.Title, m.When, m.Repeats, m.CPUs, m.Chromium, m.Load[0], m.Load[1])
	units := map[string]string{"ms": "ms", "prefill": "read, tokens/s", "decode": "written, tokens/s"}
	for _, v := range m.Values {
		fmt.Fprintf(w, " %s | from – to |", units[v])
	}
	fmt.Fprintf(w, " processor ms | peak memory MB |\n|%s\n", strings.Repeat("---|", 3+2*len(m.Values)))
	for _, s := range m.Sides {
		fmt.Fprintf(w, "| %s |", s.Name)
		for _, v := range m.Values {
			all := s.all(v)
			if len(all) == 0 {
				fmt.Fprint(w, " – | – |")
				continue
			}
			fmt.Fprintf(w, " %s | %s – %s |", short(s.median(v)), short(all[0]), short(all[len(all)-1]))
		}
		fmt.Fprintf(w, " %s | %s |\n", short(s.median("cpuMs")), short(s.peak()/1e6))
	}
	for _, s := range m.Sides {
		if s.Failed != "" {
			fmt.Fprintf(w, "\n%s was not measured to the end: %s.\n", s.Name, strings.TrimRight(s.Failed, "."))
		}
	}
}

// compare gives a target's ratio, what was to be reached, and whether it is.
func (m measure) compare(t target) (measured, reach, met string) {
	ours, peer := m.value(t.Ours, t.Value), m.value(t.Peer, t.Value)
	ratio, ok := 0.0, false
	switch {
	case t.Most > 0 && t.Peer == "":
		ratio, ok = ours, ours > 0 && ours <= t.Most
		measured, reach = short(ours/1e6)+" MB", "≤ "+short(t.Most/1e6)+" MB"
	case t.Most > 0:
		ratio = over(ours, peer)
		ok = ratio > 0 && ratio <= t.Most
		measured, reach = fmt.Sprintf("%.2f × the memory", ratio), fmt.Sprintf("≤ %.2f", t.Most)
	default:
		if ratio = over(ours, peer); t.Value == "ms" {
			ratio = over(peer, ours)
		}
		ok = ratio >= t.Reach
		measured, reach = fmt.Sprintf("%.2f × as fast", ratio), fmt.Sprintf("≥ %.2g", t.Reach)
	}
	switch {
	case ratio == 0:
		return "–", reach, "not measured"
	case ok:
		return measured, reach, "reached"
	}
	return measured, reach, "**not reached**"
}

// over is a/b, or 0 where one of them is not known.
func over(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return a / b
}

// value is the median of a side's samples, or its most memory; 0 where there is
// none.
func (m measure) value(name, value string) float64 {
	for _, s := range m.Sides {
		if s.Name == name && value == "peakBytes" {
			return s.peak()
		} else if s.Name == name {
			return s.median(value)
		}
	}
	return 0
}

// all are the known samples of a value, sorted.
func (s side) all(value string) (v []float64) {
	for _, x := range s.Samples {
		if x[value] > 0 {
			v = append(v, x[value])
		}
	}
	slices.Sort(v)
	return v
}

func (s side) median(value string) float64 {
	v := s.all(value)
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func (s side) peak() float64 {
	v := s.all("peakBytes")
	if len(v) == 0 {
		return 0
	}
	return v[len(v)-1]
}

// short prints three digits or so; 0 is not known.
func short(x float64) string {
	switch {
	case x == 0:
		return "–"
	case x < 100:
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprintf("%.0f", x)
}
