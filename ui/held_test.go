//go:build !js

package ui

import (
	"strings"
	"testing"
)

// followed is a page with a run whose held-out loss is told, and of which a step
// was kept.
func followed(t *testing.T, kept int, keep string) *App {
	t.Helper()
	a, _, _ := newTest(t)
	do(a, func() {
		a.run = runState{method: "mu", keep: keep, losses: []float64{4, 3, 2, 1}, times: []float64{1, 1, 1, 1}, steps: 4, held: []heldStep{{2, 1.5}, {3, 1.25}, {4, 1.75}},
			plan: &planEvent{Held: 40, Followed: 16}, fit: &fit{Kept: kept}}
		a.drawLoss()
	})
	return a
}

func TestWhatWasKeptIsSaid(t *testing.T) {
	for _, x := range []struct {
		kept       int
		keep, want string
	}{
		{4, "", "Kept is the state after step 4 of 4. The held-out loss was lowest after step 3, 1.250; “Keep” in the settings of step 3 can keep that one. While training, the loss of 16 of the 40 held-out rows is taken"},
		{3, "best", "Kept is the state after step 3 of 4: of those that were tried, its held-out loss is the lowest, 1.250. While"},
		{4, "best", "Kept is the state after step 4 of 4. While"},
	} {
		a := followed(t, x.kept, x.keep)
		do(a, func() {
			if got := a.run.stateText(); !strings.HasPrefix(got, x.want) {
				t.Errorf("%+v: got %q", x, got)
			}
			if a.run.fit = nil; a.run.stateText() != "" {
				t.Errorf("without a result: %q", a.run.stateText())
			}
		})
	}
}

func TestHeldOutLossIsDrawnAndSaved(t *testing.T) {
	a := followed(t, 3, "best")
	do(a, func() {
		for _, want := range []string{`class="aside"`, "held-out loss from 1.500 after step 2 to 1.750 after step 4, lowest after step 3"} {
			if !strings.Contains(a.run.chart, want) {
				t.Errorf("no %q in %s", want, a.run.chart)
			}
		}
		_, csv := a.saveable("loss.csv")
		if !strings.HasPrefix(csv, "step,loss,running mean,ms,held-out loss\r\n1,4,4,1,\r\n2,3,3.375,1,1.5\r\n") {
			t.Errorf("got %q", csv)
		}
		if _, svg := a.saveable("loss.svg"); !strings.Contains(svg, ".aside{stroke-dasharray") || !strings.Contains(svg, "held-out rows") {
			t.Errorf("got %s", svg)
		}
		if table := a.run.lossTable(); !strings.Contains(table, `<tr><th scope="row">3</th><td>2.000</td>`) || !strings.Contains(table, "<td>1.250</td></tr>") {
			t.Errorf("got %s", table)
		}
		if s := a.summary(); !strings.Contains(s, "flatters their scores") {
			t.Errorf("got %q", s)
		}
		if err := a.take("held", []byte(`{"step": 4, "loss": 1}`)); err != nil || len(a.run.held) != 4 {
			t.Errorf("got %v, %v", a.run.held, err)
		}
		if err := a.goesOn([]byte(`{"step": 2}`)); err != nil || len(a.run.held) != 1 {
			t.Errorf("after a loss of the device %v, %v", a.run.held, err)
		}
	})
}

func TestKeepIsASetting(t *testing.T) {
	a, p := asked(t, pair{"keep", "best"})
	do(a, func() {
		if o, _ := a.settings.options(); o.Keep != "best" || a.fault != nil {
			t.Errorf("got %+v, %v", o, a.fault)
		}
		if a.PickKeep("last"); len(p.query) != 0 {
			t.Errorf("the address is %v", p.query)
		}
		if o, _ := a.settings.options(); o.Keep != "" {
			t.Errorf("got %+v", o)
		}
		a.readQuery([]pair{{"keep", "first"}})
		if a.fault == nil || !strings.Contains(a.fault.Error(), "want last or best") {
			t.Errorf("got %v", a.fault)
		}
	})
}
