package ui

import (
	"context"
	"encoding/json"
	"strings"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// given is a fine-tune that was shared or kept.
type given struct {
	code string   // of a link
	file rpc.Blob // a .handful file
	kept string   // its id in the library
	name string
	card card
}

// params are how the engine takes it.
func (g *given) params(s Store) (o givenOptions, blobs []rpc.Blob, err error) {
	switch {
	case g.code != "":
		o.Code = g.code
	case g.kept != "":
		o.ID = g.kept
		b, err := s.Get(g.kept)
		return o, []rpc.Blob{b}, err
	default:
		blobs = []rpc.Blob{g.file}
	}
	return o, blobs, nil
}

// restore opens what the fine-tunes stand on, where that is not open, makes
// them anew, and shows what then makes of them; after runs when it is shown. The result that was shown
// stays where this fails.
func (a *App) restore(list []given, then func(ctx context.Context, client *rpc.Client, got []restored) (runState, error), after func()) {
	if a.busy() || len(list) == 0 {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	before, client := a.run, a.client
	a.run = runState{phase: preparing, stop: stop, method: list[0].card.Method, name: list[0].name, told: true}
	a.fault = nil
	a.model.progress = progress{Status: "read"}
	a.say("Loading " + list[0].name)
	go func() {
		var shown runState
		got, err := a.restoreIn(ctx, list)
		if err == nil {
			shown, err = then(ctx, a.engine(), got)
		}
		a.page.Update(func() {
			stop()
			if err == nil {
				a.run = shown
				a.draw()
				a.lookSimilar()
				a.try.clear()
				a.say(shown.name + " is loaded")
			}
			a.settle("load", before, client, err)
			if err == nil {
				after()
			}
		})
	}()
}

// restoreIn does restore's work in the engine.
func (a *App) restoreIn(ctx context.Context, list []given) (out []restored, err error) {
	for _, g := range list {
		if err := a.openFor(ctx, g.card); err != nil {
			return nil, err
		}
		o, blobs, err := g.params(a.shelf)
		if err != nil {
			return nil, err
		}
		raw, _, err := a.engine().Call(ctx, "restore", o, blobs, a.onEvent)
		if err != nil {
			return nil, err
		}
		var got restored
		if json.Unmarshal(raw, &got) != nil {
			return nil, fault.New(fault.Bug, "restore", "got an answer that is not understood")
		}
		out = append(out, got)
	}
	return out, nil
}

// engine is the one that is open.
func (a *App) engine() (c *rpc.Client) {
	a.page.Update(func() { c = a.client })
	return c
}

// settle ends what took the place of the run before: where it failed that one
// is shown again, else it is freed.
func (a *App) settle(op string, before runState, client *rpc.Client, err error) {
	if a.client != client { // it lived in the old engine
		before.fit, before.other = nil, nil
	}
	if err != nil && (before.method != "" || a.run.told) {
		a.run = before
		a.run.keeping, a.run.sharing = false, false // their ends have passed it by
		a.draw()
	}
	a.run.phase, a.run.stop = idle, nil
	if err != nil {
		a.show(op, err)
		return
	}
	for _, f := range []*fit{before.fit, before.other} {
		if f != nil && f != a.run.fit {
			go a.client.Call(context.Background(), "free", fitOptions{f.ID}, nil, nil) // the worst is that it stays
		}
	}
}

// openFor opens the base and the skills that a fine-tune stands on, unless they
// are open: the page's own, found by their hash, else the files that the person
// has chosen.
func (a *App) openFor(ctx context.Context, c card) error {
	var client *rpc.Client
	a.page.Update(func() {
		if a.model.info != nil {
			client = a.client
		}
	})
	if client != nil {
		raw, _, err := client.Call(ctx, "identity", nil, nil, nil)
		if err != nil {
			return err
		}
		var open identity
		if json.Unmarshal(raw, &open) != nil {
			return fault.New(fault.Bug, "identity", "got an answer that is not understood")
		}
		if c.fits(open) {
			return nil
		}
	}
	var opening context.Context
	a.page.Update(func() {
		m := &a.model
		if m.pickFor(c) || m.base == ownFiles && len(m.baseFiles) > 0 && !m.open() {
			opening = a.beginOpening()
			context.AfterFunc(ctx, m.stop)
		}
	})
	if opening == nil {
		return c.missing()
	}
	return a.open(opening)
}

// wants tells that the skills must be open too: what is not a mixture has
// weights of its own.
func (c *card) wants() *weights {
	if c.Method != "z" {
		return nil
	}
	return c.Inventory
}

// fits tells that a fine-tune stands on what is open.
func (c *card) fits(open identity) bool {
	return c.Base.SHA256 == open.Base.SHA256 && (c.wants() == nil || open.Inventory != nil && c.wants().SHA256 == open.Inventory.SHA256)
}

// missing says what a fine-tune needs and the page has not.
func (c *card) missing() error {
	need := "the base " + clip(c.Base.Name, 80)
	if v := c.wants(); v != nil {
		need += " with the skills " + clip(v.Name, 80)
	}
	return fault.Inputf("load", "made for %s (sha256 %.12s…), which this page does not have", need, c.Base.SHA256).Next("choose its files in step 1, then open it again")
}

// offers finds what a fine-tune stands on among what the page has.
func (m *modelState) offers(c card) (s *servedModel, v *inventory, ok bool) {
	for i := range m.served {
		if m.served[i].SHA256 != "" && strings.EqualFold(m.served[i].SHA256, c.Base.SHA256) {
			s = &m.served[i]
			break
		}
	}
	if s == nil {
		return nil, nil, false
	}
	w := c.wants()
	for i := range inventories {
		if w != nil && inventories[i].SHA256 == w.SHA256 {
			v = &inventories[i]
		}
	}
	return s, v, w == nil || v != nil
}

// pickFor chooses what a fine-tune stands on, where the page has it.
func (m *modelState) pickFor(c card) bool {
	s, v, ok := m.offers(c)
	if !ok {
		return false
	}
	m.picked = true
	m.pick(s.ID)
	if v != nil {
		m.inventory = v.ID
	}
	return true
}

// shownAs is a restored fine-tune as a run that has ended.
func shownAs(g given, got restored) runState {
	f := got.fit
	r := runState{method: f.Method, name: g.name, instruction: got.Card.Instruction, options: got.Card.Options, fit: &f, losses: f.Losses, held: f.HeldLosses, steps: len(f.Losses),
		routing: f.Routing, scores: f.Scores, keptAs: g.kept, saved: true, told: true}
	return r
}

// one shows a single restored fine-tune. Examples that came along go into the
// fields, where there are none.
func (a *App) one(g given) func(context.Context, *rpc.Client, []restored) (runState, error) {
	return func(_ context.Context, _ *rpc.Client, got []restored) (runState, error) {
		c := got[0].Card
		a.page.Update(func() {
			if c.Examples != "" && strings.TrimSpace(a.examples.text) == "" {
				a.setExamples(c.Examples, c.Held, c.Instruction)
			}
		})
		return shownAs(g, got[0]), nil
	}
}
