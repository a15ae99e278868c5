package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"handful/core/eval"
)

// Plots are XML, hold every name, and the same numbers give the same bytes.
func TestCharts(t *testing.T) {
	var over []eval.Overall
	for i := range 9 {
		for _, k := range []int{4, 16} {
			over = append(over, eval.Overall{Name: fmt.Sprintf("method%d", i), Shots: k, Mean: float64(i) / 10, Interval: eval.Interval{Lo: float64(i) / 12, Hi: float64(i) / 8}})
		}
	}
	for name, draw := range map[string]func(string, []eval.Overall) ([]byte, error){"method": ByMethod, "shots": ByShots} {
		one, err := draw("title", over)
		if err != nil {
			t.Fatal(err)
		}
		two, _ := draw("title", over)
		if !bytes.Equal(one, two) {
			t.Errorf("%s: not the same bytes again", name)
		}
		d := xml.NewDecoder(bytes.NewReader(one))
		for err == nil {
			_, err = d.Token()
		}
		if err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range []string{"method0", "method8", "16", "title"} {
			if !strings.Contains(string(one), w) {
				t.Errorf("%s lacks %q", name, w)
			}
		}
	}
	if _, err := ByMethod("", over[:1]); err != nil {
		t.Errorf("one point: %v", err)
	}
}
