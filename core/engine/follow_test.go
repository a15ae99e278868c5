package engine

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/tune"
)

// unlike are rows that pull the other way than idRows: what is learned there
// makes them worse.
func unlike(t *testing.T, n int) (rows string) {
	t.Helper()
	for i := range n {
		rows += fmt.Sprintf(`{"input_ids": [%d, 17, 40, 9], "labels": [-100, -100, 9, 40]}`+"\n", 5+i%80)
	}
	return rows
}

// Following the held-out loss changes no bit of what is learned.
func TestFollowingChangesNothing(t *testing.T) {
	for name, change := range map[string]func(*AdaptOptions){
		"z":            func(o *AdaptOptions) {},
		"z relaxed":    func(o *AdaptOptions) { o.Relaxed = true },
		"mu adafactor": func(o *AdaptOptions) { o.Method, o.Optimizer = "mu", tune.Adafactor },
		"mhr relaxed":  func(o *AdaptOptions) { o.Method, o.Relaxed = "mhr", true },
		"lora":         func(o *AdaptOptions) { o.Method = "lora" },
		"ia3, loss ni": func(o *AdaptOptions) { o.Method, o.Loss = "ia3", tune.LossNI },
	} {
		o := Defaults("z")
		o.Examples, o.Held, o.Steps, o.Batch, o.Seed = idRows(t, 6), unlike(t, 3), 12, 4, 3
		change(&o)
		plain, err := openGolden(t).Adapt(context.Background(), o, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o.Score = true
		var told []HeldStep
		e := openGolden(t)
		fit, err := e.Adapt(context.Background(), o, func(ev Event) {
			if ev.Held != nil {
				told = append(told, *ev.Held)
			}
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if plain.HeldLosses != nil || len(told) < 3 || !reflect.DeepEqual(told, fit.HeldLosses) || fit.Kept != 12 {
			t.Errorf("%s: not followed %v, told %v, the fit has %v and keeps step %d", name, plain.HeldLosses, told, fit.HeldLosses, fit.Kept)
		}
		if !reflect.DeepEqual(fit.Losses, plain.Losses) || !reflect.DeepEqual(timeless(t, fit), timeless(t, plain)) {
			t.Errorf("%s: followed, it learns otherwise: losses %v, want %v", name, fit.Losses, plain.Losses)
		}
		for _, f := range fit.Export() {
			if f.Name == "train.jsonl" && strings.Count(string(f.Bytes), "held_loss") != len(told) {
				t.Errorf("%s: the log has %s", name, f.Bytes)
			}
		}
		last, adapted := told[len(told)-1], fit.Scores[len(fit.Scores)-1]
		if last.Step != 12 || o.Loss == tune.LossLM && math.Abs(last.Loss-adapted.Loss) > 1e-5 {
			t.Errorf("%s: the last is %+v, the table says %v", name, last, adapted.Loss)
		}
	}
}

// rising are settings under which the held-out loss is lowest before the end.
func rising(t *testing.T) AdaptOptions {
	o := Defaults("mu")
	o.Examples, o.Held, o.Steps, o.Batch, o.LR, o.Warmup, o.Schedule, o.Score = idRows(t, 6), unlike(t, 3), 20, 4, 1e-2, 0, "constant", true
	return o
}

func lowest(told []HeldStep) (best HeldStep) {
	for i, h := range told {
		if i == 0 || h.Loss < best.Loss {
			best = h
		}
	}
	return best
}

func TestTheBestStateIsKept(t *testing.T) {
	e, o := openGolden(t), rising(t)
	last, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := lowest(last.HeldLosses)
	if want.Step == o.Steps {
		t.Fatalf("the held-out loss falls to the end: %v", last.HeldLosses)
	}
	o.Keep = KeepBest
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if fit.Kept != want.Step || !reflect.DeepEqual(fit.HeldLosses, last.HeldLosses) || !reflect.DeepEqual(fit.Losses, last.Losses) {
		t.Errorf("kept step %d of %v, want %+v", fit.Kept, fit.HeldLosses, want)
	}
	s, err := e.Score(context.Background(), fit.Adapter, o.Held, ScoreOptions{})
	if err != nil || math.Abs(s.Loss-want.Loss) > 1e-5 {
		t.Errorf("what was kept has loss %v, want %v (%v)", s, want.Loss, err)
	}
	if packed, err := fit.Pack(ShareOptions{}); err != nil || packed.Run.Kept != want.Step || packed.Run.Steps[want.Step-1].Held == nil {
		t.Errorf("packed without it: %v", err)
	} else if again, err := e.Restore(packed); err != nil || again.Kept != fit.Kept || !reflect.DeepEqual(again.HeldLosses, fit.HeldLosses) {
		t.Errorf("restored as %v, kept step %d (%v)", again.HeldLosses, again.Kept, err)
	}
}

// A run that is broken off after its best step, or before, keeps the same.
func TestARunGoesOnWithItsBest(t *testing.T) {
	o := rising(t)
	o.Keep = KeepBest
	whole, runs := snapshots(t, openGolden(t), o)
	if whole.Kept == o.Steps {
		t.Fatalf("the held-out loss falls to the end: %v", whole.HeldLosses)
	}
	for _, at := range []int{whole.Kept - 2, whole.Kept - 1, whole.Kept, o.Steps - 2} { // runs[i] is after step i+1
		if at < 0 {
			continue
		}
		fit, err := openGolden(t).Resume(context.Background(), runs[at], nil)
		if err != nil {
			t.Fatalf("after step %d: %v", at+1, err)
		}
		if fit.Kept != whole.Kept || !reflect.DeepEqual(fit.HeldLosses, whole.HeldLosses) || !reflect.DeepEqual(timeless(t, fit), timeless(t, whole)) {
			t.Errorf("after step %d it keeps step %d of %v, want %d of %v", at+1, fit.Kept, fit.HeldLosses, whole.Kept, whole.HeldLosses)
		}
	}
}

// A stop keeps the best of what was told until then, or, where nothing was, what
// there is.
func TestAStopKeepsTheBest(t *testing.T) {
	e, o := openGolden(t), rising(t)
	o.Keep = KeepBest
	for _, at := range []int{1, 13} {
		ctx, stop := context.WithCancel(context.Background())
		fit, err := e.Adapt(ctx, o, func(ev Event) {
			if ev.Step != nil && ev.Step.Step == at {
				stop()
			}
		})
		stop()
		if err != nil || !fit.Stopped || len(fit.Steps) != at {
			t.Fatalf("stopped after step %d: %v, %+v", at, err, fit)
		}
		want := lowest(fit.HeldLosses).Step
		if at == 1 {
			want = 1
		}
		if fit.Kept != want || want == 0 {
			t.Errorf("stopped after step %d of %v it keeps %d, want %d", at, fit.HeldLosses, fit.Kept, want)
		}
	}
}

func TestKeepIsChecked(t *testing.T) {
	o := Defaults("z")
	o.Examples, o.Keep = idRows(t, 4), KeepBest
	if _, err := openGolden(t).Adapt(context.Background(), o, nil); !fault.Is(err, fault.Input) || fault.From("", err).Hint == "" {
		t.Errorf("best of nothing: %v", err)
	}
	if o.Keep = "first"; o.Check() == nil {
		t.Error("--keep first is taken")
	}
}

// The rows that are followed and how often hang on what that costs beside the
// run; a long run follows all of them ten times.
func TestFollowingHasAShare(t *testing.T) {
	e := openGolden(t)
	for _, x := range []struct{ train, held, steps, rows, times int }{
		{16, 4, 40, 4, 10},
		{16, 100, 40, 16, 3},
		{16, 100, 4000, 100, 10},
		{16, 1, 1, 1, 1},
		{2, 100, 1, 16, 1},
	} {
		o := Defaults("z")
		o.Batch, o.Steps, o.Score = 4, x.steps, true
		train, err := parse(idRows(t, x.train))
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := e.encode(train, "", false)
		if err != nil {
			t.Fatal(err)
		}
		held, err := parse(unlike(t, x.held))
		if err != nil {
			t.Fatal(err)
		}
		f, err := e.follow(rows, held, nil, o)
		if err != nil || len(f.rows) != x.rows || f.times != x.times {
			t.Errorf("%+v: %d rows %d times (%v)", x, len(f.rows), f.times, err)
		}
		f.out = &tune.HeldOut{}
		asked := 0
		for s := 1; s <= x.steps; s++ {
			if f.due(s, x.steps) {
				asked++
			}
		}
		if asked != x.times || !f.due(x.steps, x.steps) {
			t.Errorf("%+v: asked %d times, at the end %v", x, asked, f.due(x.steps, x.steps))
		}
	}
}

// With T-Few's loss held-out rows are followed by that loss; rows that have no
// answers to tell apart are not, and the plan says so.
func TestFollowingChoices(t *testing.T) {
	e := pocketEngine(t)
	o := Defaults("mu")
	o.Examples, o.Held = "cat => one\ncats => many\ndog => one\ndogs => many", "hen => one\nhens => many"
	o.Loss, o.Steps, o.Batch, o.Score = tune.LossTFew, 4, 4, true
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil || len(fit.HeldLosses) == 0 {
		t.Fatalf("got %+v (%v)", fit, err)
	}
	if lm := fit.Scores[len(fit.Scores)-1].Loss; fit.HeldLosses[len(fit.HeldLosses)-1].Loss <= lm {
		t.Errorf("followed by %v, which is not above the loss of its tokens alone, %v", fit.HeldLosses, lm)
	}
	o.Options, o.Held = []string{"one", "many"}, "hen => few"
	var plan PlanEvent
	if fit, err = e.Adapt(context.Background(), o, func(ev Event) {
		if ev.Plan != nil {
			plan = *ev.Plan
		}
	}); err != nil || fit.HeldLosses != nil || plan.Followed != 0 || !strings.Contains(strings.Join(plan.Hints, "; "), `not told while training: adapt: line 1: the output "few" is none of its options`) {
		t.Errorf("got %v, %+v (%v)", fit, plan, err)
	}
	o.Keep = KeepBest
	if _, err := e.Adapt(context.Background(), o, nil); !fault.Is(err, fault.Input) {
		t.Errorf("the best by rows that can't be followed: %v", err)
	}
}

// BenchmarkFollowing tells what a step costs in forwards of its rows.
func BenchmarkFollowing(b *testing.B) {
	e, err := Open(context.Background(), OpenOptions{Base: realBase(b), Inventory: formattest.Folder(b, inventory), Device: device.Options{Kind: "cpu"}})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	var text strings.Builder
	for i := range 8 {
		fmt.Fprintf(&text, "Message %d: your parcel is waiting at the depot, reply with your PIN to have it sent => spam\n", i)
	}
	for _, method := range []string{"z", "mu"} {
		b.Run(method, func(b *testing.B) {
			o := Defaults(method)
			o.Examples, o.Held, o.Steps, o.Score = text.String(), text.String(), b.N+1, true
			var steps, forwards time.Duration
			n, began := 0, time.Time{}
			_, err := e.Adapt(context.Background(), o, func(ev Event) {
				switch {
				case ev.Step != nil && ev.Step.Step > 1: // the first warms up
					steps += time.Duration(ev.Step.MS * float64(time.Millisecond))
					began = time.Now()
				case ev.Held != nil && !began.IsZero():
					forwards, n = forwards+time.Since(began), n+1
				}
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(steps.Seconds()/float64(b.N)*float64(n)/forwards.Seconds(), "forwards/step")
		})
	}
}
