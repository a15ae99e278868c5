package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"handful/core/device/chaos"
	"handful/core/engine"
	"handful/core/fault"
)

// patience is how long a disturbed run may take.
const patience = 2 * time.Minute

// setting is a run that is disturbed.
type setting struct {
	method string
	every  float64 // seconds between snapshots; 0: none
}

// undisturbed is what a run comes to, and its operations: to open the model, and
// in all.
type undisturbed struct {
	fit          *engine.Fit
	opening, all int
}

// Campaign disturbs runs at random operations by random faults: each ends, within
// seconds and with the very adapter and scores that it would have had, or with a
// fault that says what to do; then what was kept of it leads to that adapter. None
// is silently wrong, none is lost. It counts how they ended, and lists what should
// not have been. after is called after each round.
func (p Pocket) Campaign(ctx context.Context, rounds int, after func(round int)) (ends map[string]int, wrong []string, err error) {
	wanted := map[setting]undisturbed{}
	for _, method := range []string{"z", "mu"} {
		for _, every := range []float64{0, always} {
			s := setting{method, every}
			if wanted[s], err = p.undisturbed(ctx, s); err != nil {
				return nil, nil, err
			}
		}
	}
	ends = map[string]int{}
	for round := range rounds {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		end, faults, err := p.disturb(ctx, round, wanted)
		if err != nil {
			return nil, nil, err
		}
		ends[end]++
		wrong = append(wrong, faults...)
		after(round)
	}
	return ends, wrong, nil
}

func (p Pocket) undisturbed(ctx context.Context, s setting) (u undisturbed, err error) {
	e, r, err := p.open(ctx, "gpu")
	if err != nil {
		return u, err
	}
	defer e.Close()
	u.opening = r.Opened[0].Operations()
	u.fit, err = e.Adapt(ctx, run(s.method, s.every), nil)
	u.all = r.Opened[0].Operations()
	return u, err
}

// disturb does one round and tells how it ended.
func (p Pocket) disturb(ctx context.Context, round int, wanted map[setting]undisturbed) (end string, wrong []string, err error) {
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
	kinds := []string{"auto", "gpu"}
	if p.Device == "gpu" {
		kinds = kinds[1:] // what goes on on the cpu has other last bits
	}
	kind := kinds[rng.IntN(len(kinds))]
	bad := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("round %d, %s on %s, %v: %s", round, s.method, kind, plan, fmt.Sprintf(format, args...)))
	}
	e, r, err := p.open(ctx, kind, plan...)
	if err != nil {
		return "", nil, err
	}
	var kept []byte
	within, stop := context.WithTimeout(ctx, patience)
	defer stop()
	fit, err := e.Adapt(within, run(s.method, s.every), func(ev engine.Event) {
		if ev.Snapshot != nil {
			kept = ev.Snapshot.Bytes
		}
	})
	if within.Err() != nil {
		bad("hangs")
	}
	e.Close()
	if err != nil {
		f := fault.From("", err)
		if f.Kind == fault.Bug || f.Kind == fault.Cancelled || f.Hint == "" || len(r.Opened[0].Struck()) == 0 {
			bad("%v", err)
		}
		if s.every > 0 && kept != nil {
			if d := p.resumed(ctx, kept, want.fit); d != "" {
				bad("what was kept: %s", d)
			}
		}
		return "fault " + f.Kind.String(), wrong, nil
	}
	if d := differs(fit, want.fit); d != "" {
		bad("%s", d)
	}
	if fit.Unscored != "" {
		return "unscored", wrong, nil
	}
	for i, x := range want.fit.Scores {
		if i >= len(fit.Scores) || fmt.Sprint(fit.Scores[i].Loss, fit.Scores[i].Accuracy) != fmt.Sprint(x.Loss, x.Accuracy) {
			bad("%s has other scores", x.Name)
		}
	}
	return "finished", wrong, nil
}

// resumed goes on with what was kept, on a device that does not fail, and tells
// what is wrong with where that leads.
func (p Pocket) resumed(ctx context.Context, kept []byte, want *engine.Fit) string {
	e, _, err := p.open(ctx, "gpu")
	if err != nil {
		return err.Error()
	}
	defer e.Close()
	fit, err := e.Resume(ctx, kept, nil)
	if err != nil {
		return err.Error()
	}
	return differs(fit, want)
}
