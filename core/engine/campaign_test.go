package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"handful/core/device"
	"handful/core/device/chaos"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/tune"
)

// pocketOn opens the pocket model on devices of the kind that fail as planned.
func pocketOn(t *testing.T, kind string, plan ...[]chaos.Fault) (*Engine, *rig, error) {
	t.Helper()
	const pocket = "../../assets/pocket"
	r := &rig{plan: plan}
	e, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, pocket+"/base"), Inventory: formattest.Folder(t, pocket+"/inventory"), Device: device.Options{Kind: kind}, OpenDevice: r.open})
	return e, r, err
}

// pocketRun is a short fine-tune of it, with a table.
func pocketRun(t *testing.T, method string, every float64) AdaptOptions {
	t.Helper()
	o := Defaults(method)
	o.Examples, o.Held = "walk => walks\nrun => runs\nsee => sees\ngo => goes\n", "play => plays\ntry => tries\n"
	o.Steps, o.Batch, o.Score, o.Seed, o.Loss, o.SnapshotEvery, o.SaveSteps = 6, 2, true, 5, tune.LossLM, every, []int{4}
	return o
}

// campaign is how many runs are disturbed: 500 where there is time.
func campaign() int {
	if os.Getenv("HANDFUL_SLOW") != "" {
		return 500
	}
	return 40
}

// Random faults at random operations of random runs: each ends, within seconds
// and with the very adapter and scores that it would have had, or with a fault
// that says what to do; then what was kept of it leads to that adapter. None is
// silently wrong, none is lost.
func TestFaultCampaign(t *testing.T) {
	type setting struct {
		method string
		every  float64
	}
	type undisturbed struct {
		fit          *Fit
		opening, all int
	}
	wanted := map[setting]undisturbed{}
	for _, method := range []string{"z", "mu"} {
		for _, every := range []float64{0, always} {
			e, r, err := pocketOn(t, "gpu")
			if err != nil {
				t.Fatal(err)
			}
			opening := r.opened[0].Operations()
			fit, err := e.Adapt(context.Background(), pocketRun(t, method, every), nil)
			if err != nil {
				t.Fatal(err)
			}
			wanted[setting{method, every}] = undisturbed{fit, opening, r.opened[0].Operations()}
			e.Close()
		}
	}
	ends := map[string]int{}
	for round := range campaign() {
		rng := rand.New(rand.NewPCG(uint64(round), 45))
		s := setting{[]string{"z", "mu"}[rng.IntN(2)], []float64{0, always}[rng.IntN(2)]}
		want := wanted[s]
		var plan [][]chaos.Fault
		for range 1 + rng.IntN(3) {
			f := chaos.Fault{Kind: chaos.Kinds[rng.IntN(len(chaos.Kinds))], At: rng.IntN(want.all), Wait: time.Duration(rng.IntN(20)) * time.Millisecond}
			if len(plan) == 0 && f.Kind != chaos.Delay { // not while it is opened
				f.At = want.opening + rng.IntN(want.all-want.opening)
			}
			plan = append(plan, []chaos.Fault{f})
		}
		kind := []string{"auto", "gpu"}[rng.IntN(2)]
		what := fmt.Sprintf("round %d, %s on %s, %v", round, s.method, kind, plan)
		e, r, err := pocketOn(t, kind, plan...)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var kept []byte
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
		fit, err := e.Adapt(ctx, pocketRun(t, s.method, s.every), func(ev Event) {
			if ev.Snapshot != nil {
				kept = ev.Snapshot.Bytes
			}
		})
		if ctx.Err() != nil {
			t.Errorf("%s: hangs", what)
		}
		stop()
		e.Close()
		if err != nil {
			ends["fault "+fault.From("", err).Kind.String()]++
			if f := fault.From("", err); f.Kind == fault.Bug || f.Kind == fault.Cancelled || f.Hint == "" || len(r.opened[0].Struck()) == 0 {
				t.Errorf("%s: %v", what, err)
			}
			if s.every > 0 && kept != nil {
				well, _, err := pocketOn(t, "gpu")
				if err != nil {
					t.Fatal(err)
				}
				if fit, err = well.Resume(context.Background(), kept, nil); err != nil {
					t.Errorf("%s: what was kept: %v", what, err)
				} else if d := same(t, fit, want.fit); d != "" {
					t.Errorf("%s: what was kept: %s", what, d)
				}
				well.Close()
			}
			continue
		}
		if d := same(t, fit, want.fit); d != "" {
			t.Errorf("%s: %s", what, d)
		}
		if fit.Unscored != "" {
			ends["unscored"]++
			continue
		}
		ends["finished"]++
		for i, x := range want.fit.Scores {
			if i >= len(fit.Scores) || fmt.Sprint(fit.Scores[i].Loss, fit.Scores[i].Accuracy) != fmt.Sprint(x.Loss, x.Accuracy) {
				t.Errorf("%s: %s has other scores", what, x.Name)
			}
		}
	}
	t.Logf("%d rounds: %v", campaign(), ends)
}
