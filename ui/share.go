package ui

import (
	"context"
	"encoding/json"
	"fmt"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// Share makes a link of the fine-tune that is shown and copies it. What does
// not fit into one is saved as a .handful file.
func (a *App) Share() {
	f := a.run.fit
	if f == nil || a.run.sharing || a.run.phase != idle {
		return
	}
	a.run.sharing = true
	client, o := a.client, a.shareOptions()
	go func() {
		made, says, err := a.shareAs(client, o)
		tell := func(says string) {
			if a.run.fit == f {
				a.run.shareSays = says
				a.say(says)
			}
		}
		a.page.Update(func() {
			if a.run.fit != f {
				return
			}
			a.run.sharing, a.run.link = false, ""
			if err != nil {
				a.show("share", err)
				return
			}
			if made.Code != "" {
				a.run.link = a.page.Link(made.Code)
				a.page.SetText(linkID, a.run.link)
			}
			tell(says)
		})
		if err != nil || made.Code == "" || made.Levels >= fineLevels {
			return
		}
		if n, err := agree(client, f.ID, made.Code); err == nil && n.Of > 0 {
			a.page.Update(func() {
				tell(fmt.Sprintf("%s Of its %s, it gives the same answer to %d.", says, plural(n.Of, "held-out row"), n.Same))
			})
		}
	}()
}

// fineLevels is from where on a link says nearly all: below it, what it gives
// to the held-out rows is counted.
const fineLevels = 128

// agree has the engine count the held-out rows that a code gives the same
// answer to.
func agree(client *rpc.Client, id int, code string) (n agreement, err error) {
	raw, _, err := client.Call(context.Background(), "agreement", agreementOptions{id, code}, nil, nil)
	if err == nil {
		err = json.Unmarshal(raw, &n)
	}
	return n, err
}

const linkID = "share-link"

// shareAs makes the link, or saves the file, and says what came of it.
func (a *App) shareAs(client *rpc.Client, o shareOptions) (got shared, says string, err error) {
	raw, _, err := client.Call(context.Background(), "share", o, nil, nil)
	if fault.Is(err, fault.Unsupported) {
		p, bytes, err := packOf(client, o)
		if err != nil {
			return got, "", err
		}
		name := fileName(o.Name) + ".handful"
		return got, fmt.Sprintf("Too large for a link: saved as %s, %s. Send it; whoever drops it on this page has this fine-tune.", name, bytesText(p.Bytes)), a.page.SaveFile(name, bytes)
	}
	if err != nil {
		return got, "", err
	}
	if json.Unmarshal(raw, &got) != nil || got.Code == "" {
		return got, "", fault.New(fault.Bug, "share", "got an answer that is not understood")
	}
	link := a.page.Link(got.Code)
	says = fmt.Sprintf("%s of link", plural(len(link), "character"))
	if a.page.Copy(link) == nil {
		says += ", copied"
	} else {
		says += ": copy it from the field"
	}
	return got, fmt.Sprintf("%s. It holds the whole fine-tune, with each weight within %.1f%%.", says, 100/float64(max(1, got.Levels))), nil
}

// TickExamples says whether examples go along with what is shared and kept.
func (a *App) TickExamples(with bool) { a.withExamples = with }

// linkState is a fine-tune that a link or a dropped file offers.
type linkState struct {
	given   *given // nil for none
	bytes   int64
	reading bool
	with    bool // examples
}

// OpenLink looks at the fragment of the page's address. What is none of a
// link's changes nothing and is said in a line.
func (a *App) OpenLink(fragment string) {
	if fragment == "" || a.link.given != nil && a.link.given.code == fragment {
		return
	}
	if len(fragment) > mostFragment || len(fragment) < 4 || fragment[0] != 'h' || fragment[2] != '.' {
		a.show("link", fault.Inputf("link", "#%s is no fine-tune", clip(fragment, 40)).Next("check that all of the link was copied"))
		return
	}
	a.look(given{code: fragment}, nil)
}

// mostFragment is longer than any link that Share makes.
const mostFragment = 64 << 10

// OpenFile looks at a .handful file.
func (a *App) OpenFile(f file) { a.look(given{file: f.blob}, []rpc.Blob{f.blob}) }

// look asks the engine what was shared. An engine that is started for it is
// kept for the model.
func (a *App) look(g given, blobs []rpc.Blob) {
	if a.link.reading {
		return
	}
	a.link = linkState{reading: true}
	client, err := a.client, error(nil)
	if client == nil {
		if client, err = a.fresh(); err == nil {
			a.spare = client
		}
	}
	go func() {
		var raw json.RawMessage
		var p packed
		if err == nil {
			raw, _, err = client.Call(context.Background(), "card", givenOptions{Code: g.code}, blobs, nil)
		}
		if err == nil && json.Unmarshal(raw, &p) != nil {
			err = fault.New(fault.Bug, "card", "got an answer that is not understood")
		}
		a.page.Update(func() {
			a.link = linkState{}
			if err != nil {
				a.show("link", err)
				return
			}
			if g.card, g.name = p.Card, p.Card.Name; g.name == "" {
				g.name = "Fine-tune"
			}
			a.link = linkState{given: &g, bytes: p.Bytes, with: p.Examples}
			a.say("A fine-tune was shared with you: " + clip(g.name, mostName))
		})
	}()
}

// LoadLink shows what was shared. The address keeps it, for a reload.
func (a *App) LoadLink() {
	if a.link.given == nil || a.busy() {
		return
	}
	a.restore([]given{*a.link.given}, a.one(*a.link.given), func() {
		a.link = linkState{}
		a.page.Focus("score-title")
	})
}

// DropLink lets go of what was shared.
func (a *App) DropLink() {
	a.link = linkState{}
	a.page.DropFragment()
	a.page.Focus("model")
	if a.spare != nil { // started for it alone
		a.spare.Close()
		a.spare = nil
	}
}

// what says what was shared.
func (l *linkState) what() string {
	c := &l.given.card
	s := "“" + clip(l.given.name, mostName) + "”: " + short(c.Method) + " on " + clip(c.Base.Name, 80)
	if c.Inventory != nil {
		s += " with the skills " + clip(c.Inventory.Name, 80)
	}
	if d := day(c.Made); d != "" {
		s += ", made " + d
	}
	return s + "."
}

// claims are what its maker's page measured.
func (l *linkState) claims() string {
	out := ""
	if s := l.given.card.claims(); s != "" {
		out = "Its maker's page measured: " + s + ". "
	}
	if l.given.card.Instruction != "" {
		out += "Instruction: " + clip(l.given.card.Instruction, 200) + " "
	}
	if l.with {
		out += "It brings its examples along."
	}
	return out
}

// needs says what loading it takes.
func (a *App) linkNeeds() string {
	c := a.link.given.card
	s, v, ok := a.model.offers(c)
	if !ok {
		need := clip(c.Base.Name, 80)
		if w := c.wants(); w != nil {
			need += " and the skills " + clip(w.Name, 80)
		}
		return "It needs " + need + ", which this page does not have: choose their files in step 1."
	}
	n := s.Bytes
	if v != nil {
		n += v.Bytes
	}
	return fmt.Sprintf("Loads what it needs from this page, %s, where that is not open yet.", bytesText(n))
}
