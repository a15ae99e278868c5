package ui

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Downloads of what is drawn: SVG with its colours in it, and the numbers as CSV.

// svgStyle are the page's colours for a drawing that stands alone, on white.
const svgStyle = `<style>text{font:12px system-ui,sans-serif;fill:#566266}.axis{fill:#1b2426}.over{fill:#fff}.grid{stroke:#d6dddc}` +
	`.raw,.mean,.aside,.ring{fill:none;stroke:#0a6b66;stroke-linejoin:round}.raw{opacity:.45}.mean{stroke-width:2.5}.aside,.ring{stroke:#b84a00;stroke-width:2}.aside{stroke-dasharray:6 4}.ring{fill:#fff}.now,.cell{fill:#0a6b66}` +
	`image{image-rendering:pixelated}.gap{stroke:#fff}.mark{stroke:#1b2426;stroke-width:1.5}</style>`

// svgFile makes a file of a drawing of the page.
func svgFile(svg string) string {
	head, rest, ok := strings.Cut(svg, ">")
	if !ok {
		return ""
	}
	head = strings.Replace(head, "<svg", `<svg xmlns="http://www.w3.org/2000/svg"`, 1)
	return head + ">" + svgStyle + `<rect width="100%" height="100%" fill="#fff"/>` + rest + "\n"
}

// csvText writes rows as CSV (RFC 4180). A cell of words that a spreadsheet
// would take for a formula gets a ' before it.
func csvText(rows [][]string) string {
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				b.WriteByte(',')
			}
			if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				cell = "'" + cell
			}
			if strings.ContainsAny(cell, "\",\r\n") {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			b.WriteString(cell)
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// lossRows are the steps' losses with a head.
func (r *runState) lossRows() [][]string {
	rows := [][]string{{"step", "loss", "running mean", "ms"}}
	if len(r.held) > 0 {
		rows[0] = append(rows[0], "held-out loss")
	}
	smooth := runningMean(r.losses)
	for i, v := range r.losses {
		ms := ""
		if i < len(r.times) {
			ms = exact(math.Round(r.times[i]*100) / 100)
		}
		row := []string{strconv.Itoa(i + 1), exact(v), exact(smooth[i]), ms}
		if len(r.held) > 0 {
			row = append(row, "")
			if h := r.heldAt(i + 1); isFinite(h) {
				row[len(row)-1] = exact(h)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// lossTable is the same as HTML: numbers only.
func (r *runState) lossTable() string {
	var b strings.Builder
	b.WriteString(`<table><thead><tr><th scope="col">step</th><th scope="col">loss</th><th scope="col">running mean</th><th scope="col">held-out rows</th></tr></thead><tbody>`)
	smooth := runningMean(r.losses)
	for _, i := range r.tabled() {
		held := ""
		if h := r.heldAt(i + 1); isFinite(h) {
			held = lossText(h)
		}
		fmt.Fprintf(&b, `<tr><th scope="row">%d</th><td>%s</td><td>%s</td><td>%s</td></tr>`, i+1, lossText(r.losses[i]), lossText(smooth[i]), held)
	}
	b.WriteString(`</tbody></table>`)
	return b.String()
}

// tabled are the places of the losses that the table has: those that are drawn,
// and those at which held-out rows were asked.
func (r *runState) tabled() []int {
	at := thin(r.losses, chartMost)
	for _, h := range r.held {
		if h.Step >= 1 && h.Step <= len(r.losses) {
			at = append(at, h.Step-1)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// routingRows are all weights with a head.
func (r *routing) routingRows() [][]string {
	rows := [][]string{{"site", "head", "skill", "weight"}}
	for i, site := range r.Sites {
		if i >= len(r.W) {
			break
		}
		for h, head := range r.W[i] {
			for s, w := range head {
				rows = append(rows, []string{site, strconv.Itoa(h + 1), strconv.Itoa(s + 1), exact(float64(w))})
			}
		}
	}
	return rows
}

// exact writes a number with six digits that count.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// predictionRows are what each model said to each row.
func (r *runState) predictionRows() [][]string {
	adapted := r.score("adapted")
	if adapted == nil {
		return nil
	}
	head := []string{"input", "wanted"}
	for _, s := range r.scores {
		head = append(head, r.called(s.Name))
	}
	rows := [][]string{head}
	for i, p := range adapted.Rows {
		row := []string{p.Input, p.Want}
		for _, s := range r.scores {
			got := ""
			if i < len(s.Rows) {
				got = s.Rows[i].Got
			}
			row = append(row, got)
		}
		rows = append(rows, row)
	}
	return rows
}

// saveable are the drawings and tables that can be saved: file name, and its
// text.
func (a *App) saveable(what string) (name, text string) {
	r := &a.run
	switch what {
	case "loss.svg":
		return what, svgFile(r.chart)
	case "loss.csv":
		return what, csvText(r.lossRows())
	case "routing.svg":
		return what, svgFile(r.heat)
	case "routing.csv":
		if r.routing != nil {
			return what, csvText(r.routing.routingRows())
		}
	case "confusion.svg":
		if c := r.matrix(); c != nil {
			return what, svgFile(c.svg())
		}
	case "confusion.csv":
		if c := r.matrix(); c != nil {
			return what, c.csv()
		}
	case "predictions.csv":
		return what, csvText(r.predictionRows())
	}
	return what, ""
}

// SaveAs hands a drawing or table to the person.
func (a *App) SaveAs(what string) {
	name, text := a.saveable(what)
	if text == "" {
		return
	}
	if err := a.page.SaveText("handful-"+fileName(a.run.name)+"-"+name, text); err != nil {
		a.show("save", err)
		return
	}
	a.say(name + " is saved")
}
