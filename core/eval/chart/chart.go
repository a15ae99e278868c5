// Package chart draws evaluations as SVG.
package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"handful/core/eval"
)

const height = 9 * vg.Centimeter

// bars are points with intervals, for plotter's XYer and YErrorer.
type bars struct {
	plotter.XYs
	plotter.YErrors
}

func (b *bars) add(x float64, o eval.Overall) {
	b.XYs = append(b.XYs, plotter.XY{X: x, Y: o.Mean})
	b.YErrors = append(b.YErrors, struct{ Low, High float64 }{math.Max(0, o.Mean-o.Interval.Lo), math.Max(0, o.Interval.Hi-o.Mean)})
}

// ByMethod draws the mean over tasks of each method with its 95 % interval: a
// column a method, a colour a number of shots.
func ByMethod(title string, over []eval.Overall) ([]byte, error) {
	methods, shots := axes(over)
	p := newPlot(title, "")
	width := 0.6 / float64(len(shots))
	for i, k := range shots {
		b := &bars{}
		for _, o := range over {
			if o.Shots == k {
				b.add(float64(slices.Index(methods, o.Name))+(float64(i)-float64(len(shots)-1)/2)*width, o)
			}
		}
		if err := add(p, b, i, label(k), false); err != nil {
			return nil, err
		}
	}
	p.NominalX(methods...)
	p.X.Min, p.X.Max = -0.5, float64(len(methods))-0.5
	if len(methods) > 5 {
		p.X.Tick.Label.Rotation = math.Pi / 6
		p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	}
	return svg(p, vg.Length(max(9, 2+1.2*float64(len(methods))))*vg.Centimeter)
}

// ByShots draws the mean over tasks by the number of shots: a line a method.
func ByShots(title string, over []eval.Overall) ([]byte, error) {
	methods, shots := axes(over)
	p := newPlot(title, "examples")
	for i, m := range methods {
		b := &bars{}
		for _, o := range over {
			if o.Name == m { // methods stand side by side, so that intervals can be told apart
				b.add(float64(slices.Index(shots, o.Shots))+(float64(i)-float64(len(methods)-1)/2)*0.04, o)
			}
		}
		if err := add(p, b, i, m, true); err != nil {
			return nil, err
		}
	}
	names := make([]string, len(shots))
	for i, k := range shots {
		names[i] = strconv.Itoa(k)
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.3, float64(len(shots))-0.7
	return svg(p, 14*vg.Centimeter)
}

// axes lists methods in order of appearance and numbers of shots, rising.
func axes(over []eval.Overall) (methods []string, shots []int) {
	for _, o := range over {
		if !slices.Contains(methods, o.Name) {
			methods = append(methods, o.Name)
		}
		if !slices.Contains(shots, o.Shots) {
			shots = append(shots, o.Shots)
		}
	}
	slices.Sort(shots)
	return methods, shots
}

func label(shots int) string {
	if shots == 0 {
		return "no examples"
	}
	return fmt.Sprintf("%d examples", shots)
}

func newPlot(title, x string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, "score, mean over tasks"
	p.Y.Min, p.Y.Max = 0, 1
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Points(3)
	p.BackgroundColor = color.White
	p.Add(plotter.NewGrid())
	return p
}

// add draws points with intervals in the i-th colour, joined by a line or not.
func add(p *plot.Plot, b *bars, i int, name string, line bool) error {
	c := plotutil.DarkColors[i%len(plotutil.DarkColors)]
	points, err := plotter.NewScatter(b.XYs)
	if err != nil {
		return err
	}
	points.GlyphStyle = draw.GlyphStyle{Color: c, Radius: vg.Points(3), Shape: plotutil.Shape(i)}
	whiskers, err := plotter.NewYErrorBars(b)
	if err != nil {
		return err
	}
	whiskers.Color = c
	p.Add(whiskers, points)
	if !line {
		p.Legend.Add(name, points)
		return nil
	}
	l, err := plotter.NewLine(b.XYs)
	if err != nil {
		return err
	}
	l.Color = c
	p.Add(l)
	p.Legend.Add(name, l, points)
	return nil
}

// svg draws the plot with its legend to the right of it.
func svg(p *plot.Plot, width vg.Length) ([]byte, error) {
	legend := p.Legend
	p.Legend = plot.NewLegend()
	r := legend.Rectangle(draw.New(vgsvg.New(width, height)))
	side := r.Max.X - r.Min.X + 1.5*vg.Centimeter
	c := vgsvg.New(width+side, height)
	d := draw.New(c)
	d.SetColor(color.White)
	d.Fill(d.Rectangle.Path())
	p.Draw(draw.Crop(d, 0, -side, 0, 0))
	legend.Draw(draw.Crop(d, width+vg.Centimeter/2, 0, 0, -vg.Centimeter/2))
	var b bytes.Buffer
	_, err := c.WriteTo(&b)
	return b.Bytes(), err
}
