//go:build !js

package ui

import (
	"encoding/xml"
	"math"
	"slices"
	"strings"
	"testing"
)

// wellFormed fails unless s is one well-formed piece of XML.
func wellFormed(t *testing.T, s string) {
	t.Helper()
	var any struct {
		XMLName xml.Name
	}
	if err := xml.Unmarshal([]byte(s), &any); err != nil {
		t.Errorf("%v in %.300s", err, s)
	}
}

func TestLossChart(t *testing.T) {
	nan := math.NaN()
	for name, losses := range map[string][]float64{
		"none": nil, "one": {2}, "flat": {1, 1, 1}, "nan": {nan, 2, nan, 1}, "only nan": {nan}, "infinite": {math.Inf(1), 3},
		"huge": {1e300, 1e-300}, "negative": {-1, -2},
	} {
		s := lossChart(narrowChart, losses, []heldStep{{4, 2}, {12, 1}}, 40, lossUnit(""))
		wellFormed(t, s)
		if strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
			t.Errorf("%s: the drawing holds what is no number: %s", name, s)
		}
	}
	s := lossChart(wideChart, []float64{3, 2.5, 2}, nil, 3, lossUnit("lm"))
	for _, want := range []string{"over 3 of 3 steps: from 3.000 to", `class="raw"`, `class="mean"`, "nats per token", ">step<"} {
		if !strings.Contains(s, want) {
			t.Errorf("got %s, want %q in it", s, want)
		}
	}
	if strings.Contains(s, "held-out") || strings.Contains(s, `class="aside"`) {
		t.Errorf("nothing is held out: %s", s)
	}
	s = lossChart(wideChart, []float64{3, 2.5, 2}, []heldStep{{1, 9}, {3, 8}}, 3, lossUnit("lm"))
	for _, want := range []string{"held-out loss from 9.000 after step 1 to 8.000 after step 3, lowest after step 3", `class="aside"`, ">held-out rows</text>", ">10</text>"} {
		if !strings.Contains(s, want) {
			t.Errorf("got %s, want %q in it", s, want)
		}
	}
}

func TestThin(t *testing.T) {
	v := make([]float64, 10_000)
	for i := range v {
		v[i] = 5 / (1 + float64(i)/1000)
	}
	v[7777], v[5000] = 9, -9
	got := thin(v, chartMost)
	if len(got) > chartMost || !slices.IsSorted(got) {
		t.Fatalf("got %d indices, sorted %v, want at most %d in order", len(got), slices.IsSorted(got), chartMost)
	}
	for _, i := range []int{0, 5000, 7777, 9999} {
		if !slices.Contains(got, i) {
			t.Errorf("index %d is lost", i)
		}
	}
	if path := linePath(v, func(x float64) float64 { return x }, func(y float64) float64 { return y }); len(path) > 16<<10 {
		t.Errorf("the path has %d bytes", len(path))
	}
	if got := thin(v[:300], chartMost); len(got) != 300 {
		t.Errorf("got %d of 300, want all", len(got))
	}
}

func TestNiceTicks(t *testing.T) {
	for _, x := range []struct {
		low, high float64
		want      []float64
	}{
		{0, 1, []float64{0, .2, .4, .6, .8, 1}},
		{.3, 4.6, []float64{0, 1, 2, 3, 4, 5}},
		{2.1, 2.2, []float64{2.1, 2.12, 2.14, 2.16, 2.18, 2.2}},
	} {
		got := niceTicks(x.low, x.high, 5)
		if got[0] > x.low+1e-9 || got[len(got)-1] < x.high-1e-9 || len(got) > 8 {
			t.Errorf("%g to %g: got %v", x.low, x.high, got)
		}
		for _, w := range x.want {
			if !slices.ContainsFunc(got, func(v float64) bool { return math.Abs(v-w) < 1e-9 }) {
				t.Errorf("%g to %g: got %v, want %g among them", x.low, x.high, got, w)
			}
		}
	}
	for _, steps := range []int{2, 3, 7, 40, 41, 100, 999, 100_000} {
		got := stepTicks(steps, 5)
		if got[0] != 1 || got[len(got)-1] != steps || len(got) > 9 || !slices.IsSorted(got) {
			t.Errorf("%d steps: got %v", steps, got)
		}
	}
}

func TestRunningMean(t *testing.T) {
	got := runningMean([]float64{4, math.NaN(), 2})
	if got[0] != 4 || got[1] != 4 || !(got[2] > 2 && got[2] < 4) {
		t.Errorf("got %v, want 4, 4 and something between 2 and 4", got)
	}
}
