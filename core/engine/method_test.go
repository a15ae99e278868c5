package engine

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
)

// openGolden opens the golden Llama with its inventory of three tasks.
func openGolden(t *testing.T) *Engine {
	t.Helper()
	var base format.Folder
	for _, f := range formattest.Folder(t, golden) {
		if !strings.Contains(f.Name, "/") {
			base = append(base, f)
		}
	}
	e, err := Open(context.Background(), OpenOptions{Base: base, Inventory: formattest.Folder(t, golden+"/s4/adapter_init"), Device: device.Options{Kind: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// idRows are rows of token ids as JSONL.
func idRows(t *testing.T, n int) string {
	t.Helper()
	var out strings.Builder
	for i := range n {
		b, err := json.Marshal(map[string]any{"input_ids": []int{5 + i, 17, 40, 3 + 2*i}, "labels": []int{-100, -100, 40, 3 + 2*i}})
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(b, '\n'))
	}
	return out.String()
}

// The search for a start tells how far it is, then what it found, before the
// plan; a cancel during it ends between two rows and gives no fit.
func TestSearchForAStart(t *testing.T) {
	e := openGolden(t)
	o := Defaults("z")
	o.Examples, o.RouterInit, o.Steps, o.Batch = idRows(t, 6), "best:2", 2, 2
	var said []string
	fit, err := e.Adapt(context.Background(), o, func(ev Event) {
		switch {
		case ev.Start != nil && ev.Start.Rows != nil:
			said = append(said, "found")
		case ev.Start != nil:
			said = append(said, "tried")
		case ev.Plan != nil:
			said = append(said, "plan")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(said, " "); got != "tried tried tried found plan" {
		t.Errorf("events: %s", got)
	}
	if len(fit.Start) != 2 || fit.Start[0].Loss > fit.Start[1].Loss || fit.Start[0].Task == fit.Start[1].Task {
		t.Errorf("start %+v", fit.Start)
	}
	ctx, cancel := context.WithCancel(context.Background())
	tried := 0
	fit, err = e.Adapt(ctx, o, func(ev Event) {
		if tried++; tried == 2 {
			cancel()
		}
	})
	if fit != nil || !fault.Is(err, fault.Cancelled) || tried != 2 {
		t.Errorf("cancelled after %d rows: %v, %v", tried, fit, err)
	}
}

// What a method learned can be run: (IA)³ and the selectors that have no POLY.
func TestMethodsRun(t *testing.T) {
	e := openGolden(t)
	for _, set := range []func(o *AdaptOptions){
		func(o *AdaptOptions) { o.Method = "ia3" },
		func(o *AdaptOptions) { o.Selector = "l2" },
		func(o *AdaptOptions) { o.Selector, o.Granularity = "correction", "block" },
		func(o *AdaptOptions) { o.Relaxed, o.Selector = true, "shared" },
		func(o *AdaptOptions) { o.Method, o.Relaxed, o.Granularity = "mhr", true, "coarse" },
	} {
		o := Defaults("z")
		o.Examples, o.Steps, o.Batch, o.LR, o.RouterLR, o.Warmup, o.Schedule = idRows(t, 4), 8, 4, 3e-2, 0.3, 0, "constant"
		set(&o)
		fit, err := e.Adapt(context.Background(), o, nil)
		if err != nil {
			t.Errorf("%s %s: %v", o.Method, o.Selector, err)
			continue
		}
		s, err := e.Score(context.Background(), fit.Adapter, o.Examples, ScoreOptions{})
		if err != nil || !(s.Loss < fit.Losses[0]) {
			t.Errorf("%s %s: loss %v after training from %v (%v)", o.Method, o.Selector, s, fit.Losses[0], err)
		}
		e.Free(fit.Adapter)
	}
}
