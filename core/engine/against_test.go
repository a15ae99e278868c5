package engine

import (
	"context"
	"math"
	"testing"

	"handful/core/fault"
)

const (
	plurals = "cat => cats\ndog => dogs\ntree => trees\nlamp => lamps\nriver => rivers\nstone => stones\n"
	unseen  = "house => houses\nplan => plans\n"
)

// The same method by Against is the fine-tune itself: same rows, same seed, the
// same losses to the last bit on the cpu.
func TestAgainst(t *testing.T) {
	e := pocketEngine(t)
	o := e.Defaults("mu")
	o.Examples, o.Held, o.Score, o.Steps, o.Seed = plurals, unseen, true, 5, 3
	f, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	adapted := f.Scores[len(f.Scores)-1]
	steps := 0
	same, err := e.Against(context.Background(), f, AgainstOptions{With: "mu", Steps: 5}, func(ev Event) {
		if ev.Step != nil {
			steps++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if same.Loss != adapted.Loss || same.N != 2 || same.Name != "mu" || steps != 5 {
		t.Errorf("got %s: loss %v over %d rows after %d steps, want %v over 2 after 5", same.Name, same.Loss, same.N, steps, adapted.Loss)
	}
	lora, err := e.Against(context.Background(), f, AgainstOptions{With: "lora", Steps: 5}, nil)
	if err != nil || lora.Loss == adapted.Loss {
		t.Errorf("lora: got %+v, %v, want a loss of its own", lora, err)
	}
	icl, err := e.Against(context.Background(), f, AgainstOptions{With: "icl"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if base := f.Scores[0]; icl.Shown != 6 || icl.Loss == base.Loss {
		t.Errorf("icl: got %d examples shown, loss %v; the base has %v", icl.Shown, icl.Loss, base.Loss)
	}
}

func TestAgainstRefuses(t *testing.T) {
	e := pocketEngine(t)
	o := e.Defaults("mu")
	o.Examples, o.Steps = plurals, 1
	f, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Against(context.Background(), f, AgainstOptions{With: "icl"}, nil); !fault.Is(err, fault.Input) {
		t.Errorf("without held-out rows: got %v", err)
	}
	o.Held, o.Score = unseen, true
	if f, err = e.Adapt(context.Background(), o, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Against(context.Background(), f, AgainstOptions{With: "magic"}, nil); !fault.Is(err, fault.Input) {
		t.Errorf("an unknown method: got %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	_, err = e.Against(ctx, f, AgainstOptions{With: "lora"}, func(ev Event) {
		if ev.Step != nil {
			stop()
		}
	})
	if !fault.Is(err, fault.Cancelled) {
		t.Errorf("stopped after a step: got %v", err)
	}
}

// The interval is that of eval over the rows by their classes, and holds the
// value.
func TestInterval(t *testing.T) {
	s := ScoreRow{Labels: []string{"a", "b"}}
	for i := range 20 {
		p := Prediction{Want: s.Labels[i%2], OK: i%4 != 0 && i != 3}
		s.Rows = append(s.Rows, p)
	}
	s.sum(false)
	if i := s.Interval; i == nil || !(i.Lo < s.Balanced && s.Balanced < i.Hi) || i.Lo < .4 || i.Hi > .95 {
		t.Errorf("got %v around %v", i, s.Balanced)
	}
	one := ScoreRow{Labels: s.Labels} // always the same answer
	for i := range 12 {
		one.Rows = append(one.Rows, Prediction{Want: s.Labels[i%2], OK: i%2 == 0})
	}
	one.sum(false)
	if i := one.Interval; i == nil || math.Abs(i.Lo-.305) > .001 || math.Abs(i.Hi-.695) > .001 {
		t.Errorf("of one answer to all: got %v", i)
	}
	all := ScoreRow{Rows: []Prediction{{OK: true}, {OK: true}}}
	all.sum(true)
	if i := all.Interval; i == nil || math.Abs(i.Lo-.342) > .001 || i.Hi != 1 {
		t.Errorf("of hits alone: got %v", i)
	}
}
