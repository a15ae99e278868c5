package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// size is how large a drawing is, in the SVG's own units, which are about a
// pixel each: text must not shrink with the page.
type size struct{ w, h int }

var (
	wideChart   = size{640, 280}
	narrowChart = size{360, 230}
)

// The chart's margins and how finely it is drawn.
const (
	chartLeft   = 52
	chartRight  = 12
	chartTop    = 34 // the legend stands there
	chartBottom = 40
	chartMost   = 300 // points drawn
)

// lossChart draws the losses as an SVG: every step's training loss faint, its
// running mean strong, that of held-out rows dashed. losses[i] is that of step
// i+1; steps is how many there will be, unit what a training loss counts
// (lossUnit). The text is safe as HTML: it is made of numbers only.
func lossChart(at size, losses []float64, held []heldStep, steps int, unit string) string {
	steps = max(steps, len(losses), 2)
	low, high := extent(append(heldLosses(held), losses...))
	ticks := niceTicks(low, high, 5)
	low, high = math.Min(low, ticks[0]), math.Max(high, ticks[len(ticks)-1])
	x := func(step float64) float64 {
		return chartLeft + float64(at.w-chartLeft-chartRight)*(step-1)/float64(steps-1)
	}
	y := func(v float64) float64 {
		return chartTop + float64(at.h-chartTop-chartBottom)*(high-v)/(high-low)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, at.w, at.h, chartLabel(losses, held, steps, unit))
	for _, v := range ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, chartLeft, at.w-chartRight, y(v), y(v))
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, chartLeft-8, y(v)+4, number(v))
	}
	for _, s := range stepTicks(steps, at.w/110) {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%d" text-anchor="middle">%d</text>`, x(float64(s)), at.h-chartBottom+18, s)
	}
	fmt.Fprintf(&b, `<text class="axis" x="%d" y="%d" text-anchor="end">step</text>`, at.w-chartRight, at.h-6)
	fmt.Fprintf(&b, `<text class="axis" transform="translate(13 %d) rotate(-90)" text-anchor="middle">loss, %s</text>`, (chartTop+at.h-chartBottom)/2, unit)
	fmt.Fprintf(&b, `<path class="raw" d="%s"/>`, linePath(losses, x, y))
	fmt.Fprintf(&b, `<path class="mean" d="%s"/>`, linePath(runningMean(losses), x, y))
	if n := len(losses); n > 0 && isFinite(losses[n-1]) {
		fmt.Fprintf(&b, `<circle class="now" cx="%.1f" cy="%.1f" r="3.5"/>`, x(float64(n)), y(runningMean(losses)[n-1]))
	}
	drawHeld(&b, held, x, y)
	drawLegend(&b, len(held) > 0)
	b.WriteString(`</svg>`)
	return b.String()
}

// lossUnit is what a training loss counts, by its name in Plan.
func lossUnit(loss string) string {
	switch loss {
	case "tfew":
		return "T-Few's: likelihood and choice"
	case "ni":
		return "nats per row, smoothed"
	}
	return "nats per token"
}

// chartLabel says in words what the chart shows.
func chartLabel(losses []float64, held []heldStep, steps int, unit string) string {
	n := len(losses)
	if n == 0 {
		return "Training loss, nothing yet"
	}
	s := fmt.Sprintf("Training loss over %d of %d steps: from %s to %s, %s", n, steps, lossText(losses[0]), lossText(runningMean(losses)[n-1]), unit)
	if words := heldWords(held); words != "" {
		s += "; " + words
	}
	return s
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// extent is the range of the finite values, never empty.
func extent(v []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, x := range v {
		if isFinite(x) {
			low, high = math.Min(low, x), math.Max(high, x)
		}
	}
	switch {
	case low > high:
		return 0, 1
	case low == high:
		return low - .5, high + .5
	}
	return low, high
}

// niceTicks are about n round values that reach from low to high or beyond.
func niceTicks(low, high float64, n int) []float64 {
	raw := (high - low) / float64(n) * (1 - 1e-9) // rounding must not skip a step
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw {
			step = m * unit
			break
		}
	}
	var out []float64
	first, last := math.Floor(low/step), math.Ceil(high/step)
	for k := first; k <= last; k++ {
		out = append(out, k*step)
	}
	return out
}

// stepTicks are about n whole steps, 1 and the last among them.
func stepTicks(steps, n int) []int {
	out := []int{1}
	every := int(math.Max(1, niceTicks(0, float64(steps), n)[1]))
	for s := every; s < steps; s += every {
		if s > 1 && s-out[len(out)-1] > every/3 && steps-s > every/3 {
			out = append(out, s)
		}
	}
	return append(out, steps)
}

// number writes a tick's value without noise.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// runningMean smooths: an exponential mean, corrected for its start. What is
// not finite is passed over.
func runningMean(v []float64) []float64 {
	const keep = .6
	out := make([]float64, len(v))
	sum, weight := 0.0, 0.0
	for i, x := range v {
		if isFinite(x) {
			sum, weight = keep*sum+(1-keep)*x, keep*weight+(1-keep)
		}
		if out[i] = math.NaN(); weight > 0 {
			out[i] = sum / weight
		}
	}
	return out
}

// linePath is the path of a line through values, of which at most chartMost
// are drawn: of each stretch its lowest and highest, so that no peak is lost.
// A value that is not finite breaks the line.
func linePath(v []float64, x, y func(float64) float64) string {
	var b strings.Builder
	pen := "M"
	point := func(i int) {
		if !isFinite(v[i]) {
			pen = "M"
			return
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, x(float64(i+1)), y(v[i]))
		pen = "L"
	}
	for _, i := range thin(v, chartMost) {
		point(i)
	}
	return b.String()
}

// thin picks at most most indices of v: of equal stretches the lowest and the
// highest value, in order. The last value is always among them.
func thin(v []float64, most int) []int {
	n := len(v)
	out := make([]int, 0, min(n, most))
	if n <= most {
		for i := range v {
			out = append(out, i)
		}
		return out
	}
	stretches := (most - 1) / 2
	for k := range stretches {
		from, to := k*(n-1)/stretches, (k+1)*(n-1)/stretches
		low, high := from, from
		for i := from; i < to; i++ {
			if !isFinite(v[i]) || v[i] < v[low] {
				low = i
			}
			if v[i] > v[high] {
				high = i
			}
		}
		first, second := min(low, high), max(low, high)
		if out = append(out, first); second != first {
			out = append(out, second)
		}
	}
	return append(out, n-1)
}
