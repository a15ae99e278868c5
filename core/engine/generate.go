package engine

import (
	"cmp"
	"context"

	"handful/core/fault"
	"handful/core/model"
	"handful/core/task"
	"handful/core/text"
)

// Generate continues a prompt and gives the text, end token excluded; pieces
// of complete characters go to on as they come. Unless Raw, the prompt is an
// input that the inventory's template wraps. An adapter that routes by task
// can't generate: pick one task.
func (e *Engine) Generate(ctx context.Context, a Adapter, o GenerateOptions, on func(string)) (_ string, err error) {
	defer e.lock()()
	if err := e.dev.ready(ctx); err != nil {
		return "", err
	}
	defer e.dev.saw(&err)
	if e.tok == nil {
		return "", fault.Inputf("generate", "the base has no tokenizer").Next("add tokenizer.json to its folder")
	}
	if a.route != nil && a.one == nil {
		return "", fault.Inputf("generate", "%s has %d tasks, want one", a.Name, a.tasks).Next("choose one with task:ID")
	}
	prompt := o.Prompt
	if !o.Raw {
		var err error
		if len(o.Options) == 0 {
			o.Options = a.options
		}
		if prompt, _, err = e.template.Render(cmp.Or(o.Instruction, a.instruction), task.Example{Input: o.Prompt, Options: o.Options}); err != nil {
			return "", err
		}
	}
	most := o.MaxTokens
	if most <= 0 {
		most = 64
	}
	out, stream := "", text.NewStream(e.tok, true)
	emit := func(s string) {
		if out += s; s != "" && on != nil {
			on(s)
		}
	}
	stop := func(id int32) bool { return e.ends[id] }
	ids := e.tok.Encode(prompt)
	if eos, ok := e.tok.EOS(); ok && e.encodes() {
		ids = append(ids, eos)
	}
	if o.Beams > 1 {
		err = e.search(ctx, a, ids, most, o, stop, func(id int32) { emit(stream.Push(id)) })
	} else {
		s := model.Sampling{Temperature: o.Temperature, TopP: o.TopP, Seed: o.Seed}
		err = model.Generate(ctx, e.dev, e.model, a.one, ids, most, s, stop, func(id int32) bool {
			emit(stream.Push(id))
			return ctx.Err() == nil
		})
	}
	emit(stream.Flush())
	if err == nil && ctx.Err() != nil {
		err = fault.From("generate", ctx.Err())
	}
	return out, err
}

// search answers by beams.
func (e *Engine) search(ctx context.Context, a Adapter, ids []int32, most int, o GenerateOptions, stop func(int32) bool, on func(int32)) error {
	if o.Temperature > 0 {
		return fault.Inputf("generate", "temperature %g with %d beams; a search does not sample", o.Temperature, o.Beams).Next("leave one of them out")
	}
	b := model.Beams{Width: o.Beams, Penalty: 1}
	if o.LengthPenalty != nil {
		b.Penalty = *o.LengthPenalty
	}
	var bind model.Bind
	if a.route != nil {
		bind = a.route.Bind
	}
	got, err := model.Beam(ctx, e.dev, e.model, bind, []int32{0}, model.Prompt{IDs: ids}, b, most, stop)
	for _, id := range got {
		on(id)
	}
	return err
}
