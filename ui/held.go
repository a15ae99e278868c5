package ui

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// The loss of held-out rows while training: its line in the chart, and what was
// kept by it.

func heldLosses(held []heldStep) (v []float64) {
	for _, h := range held {
		v = append(v, h.Loss)
	}
	return v
}

// drawHeld draws a dashed line with a ring at each step that was measured.
func drawHeld(b *strings.Builder, held []heldStep, x, y func(float64) float64) {
	if len(held) == 0 {
		return
	}
	b.WriteString(`<path class="aside" d="`)
	for i, h := range held {
		fmt.Fprintf(b, "%c%.1f %.1f", "ML"[min(i, 1)], x(float64(h.Step)), y(h.Loss))
	}
	b.WriteString(`"/>`)
	for _, h := range held {
		fmt.Fprintf(b, `<circle class="ring" cx="%.1f" cy="%.1f" r="3.5"/>`, x(float64(h.Step)), y(h.Loss))
	}
}

// drawLegend names the lines above the chart.
func drawLegend(b *strings.Builder, held bool) {
	const y, sample = 14, 26
	at := chartLeft
	name := func(line, ring, words string, width int) {
		fmt.Fprintf(b, `<path class="%s" d="M%d %dh%d"/>%s<text class="tick" x="%d" y="%d">%s</text>`, line, at, y, sample, ring, at+sample+6, y+4, words)
		at += sample + 6 + width
	}
	name("mean", "", "training", 74)
	if held {
		name("aside", fmt.Sprintf(`<circle class="ring" cx="%d" cy="%d" r="3.5"/>`, at+sample/2, y), "held-out rows", 0)
	}
}

// lowest is the step of the lowest loss; held must not be empty.
func lowest(held []heldStep) heldStep {
	return slices.MinFunc(held, func(a, b heldStep) int { return cmp.Compare(a.Loss, b.Loss) })
}

// heldWords say what the line shows, "" before there is one.
func heldWords(held []heldStep) string {
	if len(held) == 0 {
		return ""
	}
	first, last, low := held[0], held[len(held)-1], lowest(held)
	return fmt.Sprintf("held-out loss from %s after step %d to %s after step %d, lowest after step %d", lossText(first.Loss), first.Step, lossText(last.Loss), last.Step, low.Step)
}

// heldAt is the loss of held-out rows after a step; NaN where it was not
// measured.
func (r *runState) heldAt(step int) float64 {
	if i := slices.IndexFunc(r.held, func(h heldStep) bool { return h.Step == step }); i >= 0 {
		return r.held[i].Loss
	}
	return math.NaN()
}

// stateText says which state of the run was kept, and on how many rows the
// held-out loss stands where that is not all of them.
func (r *runState) stateText() string {
	n := len(r.losses)
	if r.phase != idle || r.fit == nil || r.fit.Kept == 0 || r.other != nil || n == 0 {
		return ""
	}
	s := fmt.Sprintf("Kept is the state after step %d of %d", r.fit.Kept, max(n, r.steps))
	held := r.held
	switch {
	case len(held) == 0:
		return s + "."
	case r.fit.Kept < n:
		s += fmt.Sprintf(": of those that were tried, its held-out loss is the lowest, %s.", lossText(r.heldAt(r.fit.Kept)))
	case lowest(held).Step < held[len(held)-1].Step && r.keep != "best":
		low := lowest(held)
		s += fmt.Sprintf(". The held-out loss was lowest after step %d, %s; “Keep” in the settings of step 3 can keep that one.", low.Step, lossText(low.Loss))
	default:
		s += "."
	}
	if p := r.plan; p != nil && p.Followed < p.Held {
		s += fmt.Sprintf(" While training, the loss of %d of the %s is taken: all would take too long.", p.Followed, plural(p.Held, "held-out row"))
	}
	return s
}
