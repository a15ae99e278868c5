//go:build !js

package ui

import (
	"encoding/csv"
	"reflect"
	"strings"
	"testing"
)

var threeRows = &scoreRow{Name: "adapted", Classes: 2, Labels: []string{"ham", "spam"}, Rows: []prediction{
	{Want: "ham", Got: "ham"}, {Want: "ham", Got: "spam"}, {Want: "spam", Got: "spam"}}}

func TestConfusion(t *testing.T) {
	c := confused(threeRows)
	if want := [][]int{{1, 1}, {0, 1}}; !reflect.DeepEqual(c.n, want) || c.recall(0) != "50%" || c.recall(1) != "100%" {
		t.Errorf("got %v, recall %s and %s", c.n, c.recall(0), c.recall(1))
	}
	if got, want := c.csv(), "wanted,ham,spam\r\nham,1,1\r\nspam,0,1\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	odd := confused(&scoreRow{Classes: 1, Labels: []string{"a"}, Rows: []prediction{{Want: "a", Got: ""}, {Want: "new", Got: "a"}}})
	if want := []string{"a", "new", elsewhere}; !reflect.DeepEqual(odd.columns, want) || odd.n[0][2] != 1 || odd.n[1][0] != 1 {
		t.Errorf("got the columns %v, %v", odd.columns, odd.n)
	}
	for _, s := range []*scoreRow{nil, {Classes: 0, Rows: threeRows.Rows}, {Classes: 2}} {
		if confused(s) != nil {
			t.Errorf("%+v has a matrix", s)
		}
	}
}

// Whoever names a label gets no markup into the table or the drawing, and no
// formula into a spreadsheet.
func TestConfusionOfHostileLabels(t *testing.T) {
	const evil = `=cmd("<b>")`
	c := confused(&scoreRow{Classes: 1, Labels: []string{evil}, Rows: []prediction{{Want: evil, Got: evil}}})
	if strings.Contains(c.table()+c.svg(), "<b>") {
		t.Error("markup got through")
	}
	rows, err := csv.NewReader(strings.NewReader(c.csv())).ReadAll()
	if err != nil || rows[1][0] != "'"+evil || rows[1][1] != "1" {
		t.Errorf("got %q, %v", rows, err)
	}
}

func TestSaveAs(t *testing.T) {
	a, p, _ := newTest(t)
	do(a, func() {
		for _, what := range []string{"loss.svg", "routing.svg", "routing.csv", "confusion.svg", "confusion.csv", "nothing"} {
			a.SaveAs(what)
		}
		if len(p.texts) != 0 {
			t.Errorf("without a result it saved %v", p.texts)
		}
	})
	adapted(t, a, "z")
	do(a, func() {
		for _, what := range []string{"loss.svg", "loss.csv", "routing.svg", "routing.csv", "confusion.svg", "confusion.csv", "predictions.csv"} {
			a.SaveAs(what)
			text := p.texts["handful-Fine-tune-"+what]
			if strings.HasSuffix(what, ".svg") {
				wellFormed(t, text)
				if !strings.HasPrefix(text, `<svg xmlns="http://www.w3.org/2000/svg"`) {
					t.Errorf("%s begins with %.60s", what, text)
				}
				continue
			}
			if rows, err := csv.NewReader(strings.NewReader(text)).ReadAll(); err != nil || len(rows) < 2 {
				t.Errorf("%s: %d rows, %v", what, len(rows), err)
			}
		}
		if got := p.texts["handful-Fine-tune-loss.csv"]; !strings.HasPrefix(got, "step,loss,running mean,ms\r\n1,4,4,10\r\n2,2,") {
			t.Errorf("got %q", got)
		}
		if got := p.texts["handful-Fine-tune-routing.csv"]; strings.Count(got, "\n") != 1+6*2*2 {
			t.Errorf("got %d lines of routing", strings.Count(got, "\n"))
		}
		if got := p.texts["handful-Fine-tune-predictions.csv"]; !strings.HasPrefix(got, "input,wanted,Base model,Adapted\r\nin,a,a,a\r\n") {
			t.Errorf("got %q", got)
		}
		a.folds["loss"], a.folds["confusion"] = true, true
		if i := a.Islands(); !strings.Contains(i["loss-table-island"], "<td>4.000</td>") || !strings.Contains(i["confusion-island"], "<table") {
			t.Errorf("got the islands %q and %q", i["loss-table-island"], i["confusion-island"])
		}
	})
}
