package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"handful/core/fault"
)

// always makes a snapshot after every step.
const always = 1e-9

// snapshots runs o to its end and gives the fit with the runs after each step.
func snapshots(t *testing.T, e *Engine, o AdaptOptions) (*Fit, [][]byte) {
	t.Helper()
	var runs [][]byte
	o.SnapshotEvery = always
	fit, err := e.Adapt(context.Background(), o, func(ev Event) {
		if ev.Snapshot != nil {
			runs = append(runs, ev.Snapshot.Bytes)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return fit, runs
}

// timeless are a fit's files without the milliseconds of its steps, and without
// the losses of held-out rows, which Fit.HeldLosses has too.
func timeless(t *testing.T, f *Fit) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, x := range f.Export() {
		text := string(x.Bytes)
		if x.Name == "train.jsonl" {
			var b strings.Builder
			for line := range strings.Lines(text) {
				var step map[string]any
				if err := json.Unmarshal([]byte(line), &step); err != nil {
					t.Fatal(err)
				}
				delete(step, "ms")
				delete(step, "held_loss")
				j, _ := json.Marshal(step)
				b.Write(append(j, '\n'))
			}
			text = b.String()
		}
		out[x.Name] = text
	}
	return out
}

// A run that is broken off after any step and goes on in another engine ends
// with the same bits as one that was not.
func TestARunGoesOnBitForBit(t *testing.T) {
	for name, change := range map[string]func(*AdaptOptions){
		"z":              func(o *AdaptOptions) {},
		"z best":         func(o *AdaptOptions) { o.RouterInit = "best:2" },
		"z relaxed":      func(o *AdaptOptions) { o.Relaxed = true },
		"mu adafactor":   func(o *AdaptOptions) { o.Method, o.Optimizer = "mu", "adafactor" },
		"mhr":            func(o *AdaptOptions) { o.Method = "mhr" },
		"lora":           func(o *AdaptOptions) { o.Method, o.Warmup = "lora", 2 },
		"ia3":            func(o *AdaptOptions) { o.Method = "ia3" },
		"z, loss ni":     func(o *AdaptOptions) { o.Loss = "ni" },
		"z, nothing out": func(o *AdaptOptions) { o.Holdout = 0 },
	} {
		o := Defaults("z")
		o.Examples, o.Steps, o.Batch, o.Holdout, o.Score, o.Seed = idRows(t, 8), 5, 2, .25, true, 3
		change(&o)
		whole, runs := snapshots(t, openGolden(t), o)
		if len(runs) != 4 {
			t.Fatalf("%s: %d snapshots, want one after each step but the last", name, len(runs))
		}
		for at, run := range runs {
			if at == 1 && name != "z" {
				continue
			}
			var did []int
			fit, err := openGolden(t).Resume(context.Background(), run, func(ev Event) {
				if r := ev.Resumed; r != nil && (len(did) > 0 || len(r.Steps) != at+1 || r.Options.Examples != o.Examples) {
					t.Errorf("%s: resumed with %d steps after %d more", name, len(r.Steps), len(did))
				}
				if ev.Step != nil {
					did = append(did, ev.Step.Step)
				}
			})
			if err != nil {
				t.Fatalf("%s after step %d: %v", name, at+1, err)
			}
			if len(did) != 4-at || did[0] != at+2 {
				t.Errorf("%s: after step %d it did the steps %v", name, at+1, did)
			}
			if !reflect.DeepEqual(fit.Losses, whole.Losses) || !reflect.DeepEqual(fit.Scores, whole.Scores) || !reflect.DeepEqual(fit.Routing, whole.Routing) || !reflect.DeepEqual(fit.Start, whole.Start) ||
				fit.Kept != whole.Kept || !reflect.DeepEqual(fit.HeldLosses, whole.HeldLosses) {
				t.Errorf("%s: gone on after step %d it ends otherwise: losses %v, want %v", name, at+1, fit.Losses, whole.Losses)
			}
			if got, want := timeless(t, fit), timeless(t, whole); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: gone on after step %d it writes other files", name, at+1)
			}
		}
	}
}

// A run that has gone on can be broken off again, and stopped.
func TestARunGoesOnTwice(t *testing.T) {
	o := Defaults("z")
	o.Examples, o.Steps, o.Batch = idRows(t, 6), 6, 2
	whole, runs := snapshots(t, openGolden(t), o)
	var again []byte
	if _, err := openGolden(t).Resume(context.Background(), runs[1], func(ev Event) {
		if ev.Snapshot != nil && ev.Snapshot.Step == 4 {
			again = ev.Snapshot.Bytes
		}
	}); err != nil {
		t.Fatal(err)
	}
	fit, err := openGolden(t).Resume(context.Background(), again, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(fit.Losses, whole.Losses) {
		t.Errorf("losses %v, want %v", fit.Losses, whole.Losses)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if fit, err = openGolden(t).Resume(ctx, again, func(ev Event) {
		if ev.Plan != nil {
			stop()
		}
	}); err != nil || !fit.Stopped || len(fit.Steps) != 4 {
		t.Errorf("stopped at once: %v, %+v", err, fit)
	}
}

func TestNoSnapshotsUnlessAskedFor(t *testing.T) {
	for _, every := range []float64{0, -1, 3600} {
		o := Defaults("z")
		o.Examples, o.Steps, o.Batch, o.SnapshotEvery = idRows(t, 4), 3, 2, every
		if _, err := openGolden(t).Adapt(context.Background(), o, func(ev Event) {
			if ev.Snapshot != nil {
				t.Errorf("every %g s: a snapshot after step %d", every, ev.Snapshot.Step)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARunOfAnotherModelIsRefused(t *testing.T) {
	o := Defaults("z")
	o.Examples, o.Steps, o.Batch = idRows(t, 4), 3, 2
	_, runs := snapshots(t, openGolden(t), o)
	other := openGolden(t)
	other.inv.A[other.inv.Sites[0]][0]++
	if _, err := other.Resume(context.Background(), runs[0], nil); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "another base or inventory") {
		t.Errorf("with another inventory: %v", err)
	}
	bare := openGolden(t)
	bare.inv = nil
	if _, err := bare.Resume(context.Background(), runs[0], nil); !fault.Is(err, fault.Input) {
		t.Errorf("without the inventory: %v", err)
	}
}

func TestADamagedRunIsRefused(t *testing.T) {
	o := Defaults("z")
	o.Examples, o.Steps, o.Batch = idRows(t, 4), 3, 2
	e := openGolden(t)
	_, runs := snapshots(t, e, o)
	run := runs[1]
	for at := 0; at < len(run); at += 1 + at/100 { // a byte that is changed, or the end
		for _, bad := range [][]byte{run[:at], append(append(bytes.Clone(run[:at]), run[at]^0x20), run[at+1:]...)} {
			if _, err := decodeCheckpoint(bad); !fault.Is(err, fault.Corrupt) && !fault.Is(err, fault.Input) {
				t.Errorf("damage at byte %d gives %v", at, err)
			}
		}
	}
	c, err := decodeCheckpoint(run)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*checkpoint){
		"a step less":     func(c *checkpoint) { c.Steps = c.Steps[:1] },
		"another method":  func(c *checkpoint) { c.Options.Method = "mu" },
		"fewer steps":     func(c *checkpoint) { c.Options.Steps = 1 },
		"no state":        func(c *checkpoint) { c.State = nil },
		"no examples":     func(c *checkpoint) { c.Options.Examples = "" },
		"a step too late": func(c *checkpoint) { c.Steps = append([]StepEvent{}, c.Steps[1:]...) },
	} {
		d := *c
		change(&d)
		b, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Resume(context.Background(), b, nil); !fault.Is(err, fault.Input) && !fault.Is(err, fault.Corrupt) {
			t.Errorf("%s: %v, want a fault of the run", what, err)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	c := &checkpoint{Model: "m", Options: Defaults("z"), Steps: []StepEvent{{Step: 1, Loss: 1}}, State: []byte("state")}
	b, err := c.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	c.Best, c.HeldLosses = &heldBest{HeldStep{1, 2}, []byte("best")}, []HeldStep{{1, 2}}
	if b, err = c.encode(); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(checkpointHead + sumOf([]byte("{}\n")) + "\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCheckpoint(b)
		if err != nil {
			if f := fault.From("x", err); f.Kind == fault.Bug || f.Hint == "" {
				t.Fatalf("%v is no fault of the file", err)
			}
			return
		}
		again, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		d, err := decodeCheckpoint(again)
		if err != nil || !bytes.Equal(d.State, c.State) || !reflect.DeepEqual(d.Best, c.Best) || len(d.Steps) != len(c.Steps) {
			t.Fatalf("what is accepted is not written as it was read: %v", err)
		}
	})
}
