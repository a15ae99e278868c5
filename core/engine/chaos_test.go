package engine

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"handful/core/device"
	"handful/core/device/chaos"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
)

// openOn opens the golden model on devices of the kind that fail as planned.
func openOn(t testing.TB, kind string, plan ...[]chaos.Fault) (*Engine, *chaos.Rig, error) {
	t.Helper()
	var base format.Folder
	for _, f := range formattest.Folder(t, golden) {
		if !strings.Contains(f.Name, "/") {
			base = append(base, f)
		}
	}
	r := &chaos.Rig{Plan: plan}
	e, err := Open(context.Background(), OpenOptions{Base: base, Inventory: formattest.Folder(t, golden+"/s4/adapter_init"), Device: device.Options{Kind: kind}, OpenDevice: r.Open})
	if err == nil {
		t.Cleanup(func() { e.Close() })
	}
	return e, r, err
}

// small is a short run with a table.
func small(t *testing.T, method string) AdaptOptions {
	o := Defaults(method)
	o.Examples, o.Steps, o.Batch, o.Holdout, o.Score, o.Seed = idRows(t, 8), 5, 2, .25, true, 3
	return o
}

// same tells how a fit differs from the one that nothing disturbed.
func same(t *testing.T, got, want *Fit) string {
	t.Helper()
	if fmt.Sprint(got.Losses) != fmt.Sprint(want.Losses) {
		return fmt.Sprintf("losses %v, want %v", got.Losses, want.Losses)
	}
	if len(got.HeldLosses) > 0 && fmt.Sprint(got.HeldLosses) != fmt.Sprint(want.HeldLosses) {
		return fmt.Sprintf("held-out losses %v, want %v", got.HeldLosses, want.HeldLosses)
	}
	a, b := timeless(t, got), timeless(t, want)
	for name := range b {
		if name != "routing.json" && a[name] != b[name] { // that one names the device
			return "another " + name
		}
	}
	return ""
}

// calm is the run that nothing disturbs, and how many operations it takes.
func calm(t *testing.T, o AdaptOptions) (*Fit, int, int) {
	t.Helper()
	e, r, err := openOn(t, "gpu")
	if err != nil {
		t.Fatal(err)
	}
	opening := r.Opened[0].Operations()
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Opened) != 1 || len(fit.Scores) == 0 {
		t.Fatalf("an undisturbed run opened %d devices and has %d scores", len(r.Opened), len(fit.Scores))
	}
	return fit, opening, r.Opened[0].Operations()
}

// A device that is lost at any operation of a run costs time and nothing else:
// the same losses and the same files.
func TestFault05ADeviceLostInAnyOperationCostsNothing(t *testing.T) {
	for _, every := range []float64{0, always} {
		o := small(t, "z")
		o.SnapshotEvery = every
		want, opening, all := calm(t, o)
		for at := opening; at < all; at += 23 {
			e, r, err := openOn(t, "gpu", []chaos.Fault{{Kind: chaos.Loss, At: at}})
			if err != nil {
				t.Fatal(err)
			}
			steps, lost := 0, 0
			got, err := e.Adapt(context.Background(), o, func(ev Event) {
				if ev.Step != nil {
					if steps++; ev.Step.Step != steps {
						t.Errorf("operation %d: step %d is told after %d", at, ev.Step.Step, steps-1)
					}
				}
				if ev.Lost != nil {
					lost++
					if ev.Lost.Step > steps || every > 0 && ev.Lost.Step < steps-2 {
						t.Errorf("operation %d: goes on after step %d of %d", at, ev.Lost.Step, steps)
					}
					steps = ev.Lost.Step
				}
			})
			if err != nil {
				t.Fatalf("operation %d: %v", at, err)
			}
			if d := same(t, got, want); d != "" || lost != 1 || len(r.Opened) != 2 || len(got.Scores) != len(want.Scores) {
				t.Errorf("operation %d: %s; lost %d times, %d devices, %d scores", at, d, lost, len(r.Opened), len(got.Scores))
			}
		}
	}
}

// Lost twice within a minute: where any device would do the cpu takes over,
// where the gpu was asked for the run ends with a next step, and what was kept
// of it goes on.
func TestFault05ADeviceLostAgainAndAgain(t *testing.T) {
	o := small(t, "mu")
	o.SnapshotEvery = always
	want, opening, all := calm(t, o)
	first, dies := []chaos.Fault{{Kind: chaos.Loss, At: all * 2 / 3}}, []chaos.Fault{{Kind: chaos.Loss, At: opening + 10}}
	e, r, err := openOn(t, "auto", first, dies, dies, dies)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := same(t, got, want); d != "" || r.Kinds[len(r.Kinds)-1] != "cpu" || e.Info().Device.Kind != "cpu" || !strings.Contains(e.Info().DeviceWhy, "gone") {
		t.Errorf("%s; devices %v, %+v", d, r.Kinds, e.Info())
	}

	if e, r, err = openOn(t, "gpu", first, dies, dies, dies); err != nil {
		t.Fatal(err)
	}
	var kept []byte
	_, err = e.Adapt(context.Background(), o, func(ev Event) {
		if ev.Snapshot != nil {
			kept = ev.Snapshot.Bytes
		}
	})
	if !fault.Is(err, fault.DeviceLost) || fault.From("", err).Hint == "" || kept == nil {
		t.Fatalf("%v, %d bytes are kept", err, len(kept))
	}
	r.Plan = nil
	e.dev.now = func() time.Time { return time.Now().Add(time.Hour) }
	if got, err = e.Resume(context.Background(), kept, nil); err != nil || same(t, got, want) != "" {
		t.Errorf("gone on with: %v, %s", err, same(t, got, want))
	}
}

func TestFault06ADeviceLostWhileIdleIsOpenedAgain(t *testing.T) {
	e, r, err := openOn(t, "gpu")
	if err != nil {
		t.Fatal(err)
	}
	score := func() float64 {
		s, err := e.Score(context.Background(), Adapter{Name: "base", tasks: 1}, idRows(t, 2), ScoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Loss
	}
	want := score()
	for n := 1; n < 4; n++ {
		r.Opened[len(r.Opened)-1].Lose()
		if got := score(); got != want || len(r.Opened) != n+1 {
			t.Errorf("after %d losses: loss %v, want %v; %d devices", n, got, want, len(r.Opened))
		}
	}
	if _, err := e.Adapt(context.Background(), small(t, "z"), nil); err != nil {
		t.Error(err)
	}
}

// A device that is lost as soon as it is opened is asked for once, and once
// more; there is no end of it otherwise.
func TestFault07ADeviceThatIsLostAtCreation(t *testing.T) {
	dead := []chaos.Fault{{Kind: chaos.Loss}}
	e, r, err := openOn(t, "auto", dead, dead, dead)
	if err != nil || e.Info().Device.Kind != "cpu" || len(r.Opened) != 1 {
		t.Fatalf("auto: %v after %d devices", err, len(r.Opened))
	}
	if _, r, err = openOn(t, "gpu", dead, dead, dead); !fault.Is(err, fault.DeviceLost) || fault.From("", err).Hint == "" || len(r.Opened) != 1 {
		t.Errorf("gpu: %v after %d devices", err, len(r.Opened))
	}
	o := small(t, "z")
	_, opening, _ := calm(t, o)
	if e, r, err = openOn(t, "gpu", []chaos.Fault{{Kind: chaos.Loss, At: opening + 3}}, dead, dead, dead); err != nil {
		t.Fatal(err)
	}
	if _, err = e.Adapt(context.Background(), o, nil); !fault.Is(err, fault.DeviceLost) || len(r.Opened) != 2 {
		t.Errorf("%v after %d devices", err, len(r.Opened))
	}
	r.Plan = nil
	if _, err = e.Adapt(context.Background(), o, nil); err != nil {
		t.Errorf("the engine can't be used any more: %v", err)
	}
}

// A device that computes wrongly is found out before it is used, and one that
// begins to before anything of it is kept.
func TestFault09AWrongDeviceIsFoundOut(t *testing.T) {
	wrong := func(at int) []chaos.Fault { return []chaos.Fault{{Kind: chaos.Wrong, At: at}} }
	e, _, err := openOn(t, "auto", wrong(0))
	if err != nil || e.Info().Device.Kind != "cpu" || !strings.Contains(e.Info().DeviceWhy, "Chaos computes wrongly") {
		t.Errorf("auto: %v", err)
	}
	if _, _, err = openOn(t, "gpu", wrong(0)); !fault.Is(err, fault.DeviceLost) || !strings.Contains(err.Error(), "Chaos computes wrongly: the loss of a test step is") {
		t.Errorf("gpu: %v", err)
	}
	for _, every := range []float64{0, always} {
		o := small(t, "z")
		o.SnapshotEvery = every
		want, opening, all := calm(t, o)
		for at := opening; at < all; at += 37 {
			e, r, err := openOn(t, "auto", wrong(at), wrong(0))
			if err != nil {
				t.Fatal(err)
			}
			got, err := e.Adapt(context.Background(), o, nil)
			if err != nil {
				t.Fatalf("operation %d: %v", at, err)
			}
			if d := same(t, got, want); d != "" || e.Info().Device.Kind != "cpu" {
				t.Errorf("operation %d of %d: %s; devices %v", at, all, d, r.Kinds)
			}
			for i, s := range got.Scores {
				if math.Abs(s.Loss-want.Scores[i].Loss) > 1e-6 {
					t.Errorf("operation %d: %s has loss %v, want %v", at, s.Name, s.Loss, want.Scores[i].Loss)
				}
			}
		}
	}
}

// Too little memory is a fault with a next step, and what was open can be used.
func TestFault10NoMemoryLeavesTheSessionUsable(t *testing.T) {
	o := small(t, "mu")
	want, opening, all := calm(t, o)
	for at := opening; at < all; at += 7 {
		e, r, err := openOn(t, "gpu", []chaos.Fault{{Kind: chaos.Memory, At: at}})
		if err != nil {
			t.Fatal(err)
		}
		followed, twice := true, false
		got, err := e.Adapt(context.Background(), o, func(ev Event) {
			if ev.Plan != nil {
				followed, twice = ev.Plan.Followed > 0, ev.Plan.Stored == "blocks"
			}
		})
		switch {
		case len(r.Opened[0].Struck()) == 0: // nothing was left that wants memory
			continue
		case err == nil && !followed && (got.HeldLosses != nil || same(t, got, want) != ""):
			t.Errorf("operation %d: without room to follow: %v, %s", at, got.HeldLosses, same(t, got, want))
		case err == nil && followed && got.Unscored == "" && !twice && len(got.Scores) != len(want.Scores): // or it was computed in parts
			t.Errorf("operation %d: nothing is said of %d scores that are not there", at, len(want.Scores)-len(got.Scores))
		case err == nil && same(t, got, want) != "":
			t.Errorf("operation %d: %s", at, same(t, got, want))
		case err != nil && (!fault.Is(err, fault.Memory) || fault.From("", err).Hint == ""):
			t.Errorf("operation %d: %v", at, err)
		}
		if got, err = e.Adapt(context.Background(), o, nil); err != nil || same(t, got, want) != "" {
			t.Errorf("operation %d: afterwards %v", at, err)
		}
	}
}
