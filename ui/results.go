package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"handful/core/fault"
	"handful/wasm/rpc"
)

// scoreNames are the score table's rows in words.
var scoreNames = map[string]string{"base": "Base model", "mean": "Mean of the skills", "adapted": "Adapted",
	"icl": "Examples in the prompt", "lora": "LoRA, same rows", "mu": "MHR-µ, same rows", "z": "MHR-z, same rows"}

// scoreLine is a row of the score table.
type scoreLine struct {
	name, accuracy, balanced, loss, n string
	interval                          string // of balanced, 95 %
	best                              bool   // of the balanced accuracies, alone
	percent                           int    // balanced accuracy
}

// classes tells that rows were judged by choosing among labels.
func (r *runState) classes() bool { return len(r.scores) == 0 || r.scores[0].Classes > 0 }

// measure is what counts: where there are no labels, answers that are right in
// every token.
func (r *runState) measure() string {
	if r.classes() {
		return "Balanced accuracy"
	}
	return "Right answers"
}

// scoreTable are the score table's rows.
func (r *runState) scoreTable() (out []scoreLine) {
	best, times := 0.0, 0
	for _, s := range r.scores {
		switch {
		case s.Balanced > best:
			best, times = s.Balanced, 1
		case s.Balanced == best:
			times++
		}
	}
	for _, s := range r.scores {
		l := scoreLine{name: r.called(s.Name), accuracy: percentText(s.Accuracy), balanced: percentText(s.Balanced), loss: lossText(s.Loss), n: countText(int64(s.N)),
			best: times == 1 && s.Balanced == best, percent: int(100 * min(max(s.Balanced, 0), 1))}
		if s.Interval != nil {
			l.interval = fmt.Sprintf("%.0f–%s", 100*s.Interval.Lo, percentText(s.Interval.Hi))
		}
		if s.Name == "icl" {
			l.name += fmt.Sprintf(" (%d)", s.Shown)
		}
		out = append(out, l)
	}
	return out
}

// called is a row of the score table in words. Where two fine-tunes are
// compared they go by their names.
func (r *runState) called(row string) string {
	name := scoreNames[row]
	switch {
	case row == "adapted" && r.other != nil:
		name = r.name
	case row == "other":
		name = r.otherName
	case name == "":
		name = row
	}
	return clip(name, 60)
}

func (r *runState) score(name string) *scoreRow {
	for i := range r.scores {
		if r.scores[i].Name == name {
			return &r.scores[i]
		}
	}
	return nil
}

// verdict is the result in one sentence, as it is, good or bad.
func (a *App) verdict() string {
	r := &a.run
	base, adapted := r.score("base"), r.score("adapted")
	than, what := "the base", "the adapted model"
	if other := r.score("other"); other != nil {
		base, than, what = other, r.called("other"), r.called("adapted")
	}
	if base == nil || adapted == nil {
		if r.told {
			return "it came without scores"
		}
		if n := len(r.losses); n > 0 {
			return fmt.Sprintf("the training loss went from %s to %s", lossText(r.losses[0]), lossText(runningMean(r.losses)[n-1]))
		}
		return "nothing was learned"
	}
	return fmt.Sprintf("on %s %s %s %s: %s %s against %s", plural(adapted.N, r.rows()), what,
		compare(adapted.Balanced, base.Balanced, adapted.N), than, strings.ToLower(r.measure()), percentText(adapted.Balanced), percentText(base.Balanced))
}

// compare says how one rate stands to another, both over n rows. Below two
// standard errors of the difference it does not promise anything. A right and
// a wrong row are added on each side, so that a few rows prove little.
func compare(a, b float64, n int) string {
	more := float64(n + 2)
	p, q := (a*float64(n)+1)/more, (b*float64(n)+1)/more
	sure := math.Abs(p-q) > 2*math.Sqrt((p*(1-p)+q*(1-q))/more)
	switch {
	case a > b && sure:
		return "is better than"
	case a > b:
		return "may be better than"
	case a < b && sure:
		return "is worse than"
	case a < b:
		return "may be worse than"
	}
	return "is no better than"
}

// rows is what was judged on.
func (r *runState) rows() string {
	if r.judged != "" {
		return r.judged
	}
	return "held-out row"
}

// outcome is a held-out row: what was wanted, and what was said.
type outcome struct {
	input, want, base, adapted, other string
	right                             bool
}

const mostOutcomes = 20

// outcomes lists held-out rows, those that the adapted model gets wrong first;
// more says how many are left out.
func (r *runState) outcomes() (out []outcome, more int) {
	adapted, base, other := r.score("adapted"), r.score("base"), r.score("other")
	if adapted == nil {
		return nil, 0
	}
	said := func(got string) string {
		if got == "" {
			return "something else"
		}
		return clip(got, 200)
	}
	for _, right := range []bool{false, true} {
		for i, p := range adapted.Rows {
			if p.OK != right {
				continue
			}
			o := outcome{input: clip(p.Input, 300), want: clip(p.Want, 200), adapted: said(p.Got), right: right}
			if base != nil && i < len(base.Rows) {
				o.base = said(base.Rows[i].Got)
			}
			if other != nil && i < len(other.Rows) {
				o.other = said(other.Rows[i].Got)
			}
			out = append(out, o)
		}
	}
	if !r.allRows && len(out) > mostOutcomes {
		return out[:mostOutcomes], len(out) - mostOutcomes
	}
	return out, 0
}

// errors counts the rows that the adapted model gets wrong.
func (r *runState) errors() (wrong, of int) {
	if s := r.score("adapted"); s != nil {
		for _, p := range s.Rows {
			if !p.OK {
				wrong++
			}
		}
		of = len(s.Rows)
	}
	return wrong, of
}

// AllRows lists every prediction.
func (a *App) AllRows() { a.run.allRows = true }

// routingNote stands where there is no map to draw.
func (a *App) routingNote() string {
	switch r := &a.run; {
	case r.heat != "":
		return ""
	case r.method == "mu":
		return "MHR-µ has no routing to show: it trains the even mixture of all skills."
	case r.method == "lora":
		return "LoRA has no routing to show: it uses no skills."
	case r.phase != idle:
		return "The first map comes after a tenth of the steps."
	}
	return "No routing yet."
}

// summary says how the fine-tune was made.
func (a *App) summary() string {
	r := &a.run
	if r.fit == nil {
		return ""
	}
	if r.other != nil {
		return ""
	}
	s := fmt.Sprintf("%s parameters trained", countText(int64(r.fit.Trainable)))
	if n := len(r.losses); n > 0 {
		s += fmt.Sprintf(" in %s on %s", plural(n, "step"), r.fit.Device.Kind)
	}
	if n := len(r.times); n > 1 {
		sum := 0.0
		for _, t := range r.times[1:] {
			sum += t
		}
		s += ", " + stepTime(sum/float64(n-1)) + " a step"
	}
	if r.fit.Stopped {
		s += "; stopped early, so not scored"
	} else if r.fit.Kept > 0 && r.fit.Kept < len(r.losses) {
		s += "; the step was chosen by held-out rows, which flatters their scores"
	}
	return s + "."
}

// stepTime is the time of a step, given in ms.
func stepTime(ms float64) string {
	if ms < 1000 {
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// exportFormats are what the fine-tune can be saved as.
var exportFormats = []struct{ id, name, says string }{
	{"", "PEFT folder", "A zip of the PEFT folder: the adapter, its routing, the training log. Never the examples."},
	{"gguf-lora", "LoRA for llama.cpp", "A zip of adapter.gguf, for llama.cpp's --lora beside a GGUF of the same base."},
	{"merged", "whole model", "A zip of a Hugging Face folder: the base with the adapter in its weights, 2 bytes each."},
}

// PickExport chooses what Export saves.
func (a *App) PickExport(id string) { a.run.format, a.run.exported = id, false }

// Export saves the fine-tune as a zip.
func (a *App) Export() {
	f := a.run.fit
	if f == nil || a.run.exporting || a.run.phase != idle {
		return
	}
	a.run.exporting = true
	client, o := a.client, exportOptions{ID: f.ID, To: a.run.format}
	if o.To == "merged" {
		o.DType = "F16"
	}
	name := "handful-" + fileName(a.run.name) + "-" + f.Method
	if o.To != "" {
		name += "-" + o.To
	}
	go func() {
		raw, blobs, err := client.Call(context.Background(), "export", o, nil, nil)
		var got exported
		switch {
		case err != nil:
		case json.Unmarshal(raw, &got) != nil || len(got.Names) != len(blobs) || len(blobs) == 0:
			err = fault.New(fault.Bug, "export", "got %d names for %d files", len(got.Names), len(blobs))
		default:
			err = a.page.Save(name+".zip", got.Names, blobs)
		}
		a.page.Update(func() {
			a.run.exporting = false
			if err != nil {
				a.show("export", err)
				return
			}
			a.run.saved, a.run.exported = true, true
			a.say("The adapter is saved")
		})
	}()
}

type tryState struct {
	prompt  string
	running bool
	stop    context.CancelFunc
	asked   string   // the prompt that was answered
	answers []answer // in the order in which they are asked for
}

// answer is what one of the models says.
type answer struct {
	name string
	text string
	done bool
}

const mostTokens = 64

func (t *tryState) clear() {
	if t.stop != nil {
		t.stop()
	}
	t.asked, t.answers = "", nil
}

// whyNoTry says why Try it can't run, "" when it can.
func (a *App) whyNoTry() string {
	switch {
	case a.run.phase != idle:
		return "Wait for the end of adapting."
	case a.model.info == nil:
		return "Load a model first."
	case a.try.running:
		return "Answering …"
	case a.try.prompt == "":
		return "Type an input first."
	}
	return ""
}

// Try asks the adapted model, then the base, to answer the input.
func (a *App) Try() {
	if a.whyNoTry() != "" {
		return
	}
	t := &a.try
	ctx, stop := context.WithCancel(context.Background())
	t.running, t.stop, t.asked, t.answers = true, stop, t.prompt, nil
	client, instruction, options := a.client, a.examples.instruction, []string(nil)
	if p := a.examples.seen; p != nil {
		options = p.Options
	}
	adapters := []any{"base"}
	if f := a.run.fit; f != nil {
		adapters, instruction, options = []any{f.ID}, a.run.instruction, a.run.options
		t.answers = append(t.answers, answer{name: "Adapted"})
		if o := a.run.other; o != nil {
			adapters = append(adapters, o.ID)
			t.answers[0].name = a.run.called("adapted")
			t.answers = append(t.answers, answer{name: a.run.called("other")})
		}
		adapters = append(adapters, "base")
	}
	t.answers = append(t.answers, answer{name: "Base model"})
	prompt := t.prompt
	go func() {
		var err error
		for i, adapter := range adapters {
			on := func(e rpc.Event) { a.onText(i, e) }
			_, _, err = client.Call(ctx, "generate", generateOptions{Prompt: prompt, Instruction: instruction, Options: options, MaxTokens: mostTokens, Adapter: adapter}, nil, on)
			if err != nil {
				break
			}
			a.page.Update(func() {
				if i < len(t.answers) {
					t.answers[i].done = true
				}
			})
		}
		a.page.Update(func() {
			stop()
			t.running, t.stop = false, nil
			if err != nil {
				a.show("generate", err)
				return
			}
			if len(t.answers) > 0 {
				a.say("Answer: " + clip(t.answers[0].text, 300))
			}
		})
	}()
}

// onText adds pieces to an answer.
func (a *App) onText(i int, e rpc.Event) {
	var pieces []string
	if e.Kind != "text" || json.Unmarshal(e.Data, &pieces) != nil {
		return
	}
	a.page.Update(func() {
		if i < len(a.try.answers) {
			for _, p := range pieces {
				a.try.answers[i].text += p
			}
		}
	})
}
