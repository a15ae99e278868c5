package tune

import (
	"context"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// A step whose values are above the device's budget of memory is computed in
// parts: each adds its share of the loss and of the gradients, which are summed
// on the host, and a program of its own then changes what is trained. It is the
// same step but for rounding, for each part divides by what all of them count.

// update is the program that changes what is trained by a sum of gradients.
type update struct {
	grads []*graph.Node // of the loss's program
	sums  []*graph.Node // inputs of prog, one a gradient
	prog  device.Program
}

// parts lays out batch k, in one or more parts of about t.most tokens.
func (t *Trainer) parts(k int) (parts []*batch, err error) {
	for _, rows := range t.cut(k) {
		b, err := t.pack(rows)
		if err != nil {
			return nil, err
		}
		parts = append(parts, b)
	}
	together(parts...)
	return parts, nil
}

// cut gives the rows of each part of batch k.
func (t *Trainer) cut(k int) (parts [][]int) {
	if t.most == 0 {
		return t.batches[k : k+1]
	}
	var rows []Row
	for _, i := range t.batches[k] {
		rows = append(rows, t.rows[i])
	}
	for _, places := range even(rows, t.most) {
		var part []int
		for _, at := range places {
			part = append(part, t.batches[k][at])
		}
		parts = append(parts, part)
	}
	return parts
}

// fit compiles with parts as large as the device's budget of memory has room for.
func (t *Trainer) fit(compile func() error) error {
	for {
		if err := compile(); !fault.Is(err, fault.Memory) || !t.halve() {
			return err
		}
	}
}

// halve makes parts about half as large; false where each is a single row.
func (t *Trainer) halve() bool {
	most := 0 // tokens of a part of more rows
	for k := range t.batches {
		for _, part := range t.cut(k) {
			tokens := 0
			for _, i := range part {
				tokens += t.rows[i].Tokens()
			}
			if len(part) > 1 {
				most = max(most, tokens)
			}
		}
	}
	if most == 0 || t.most == 1 {
		return false
	}
	if t.most > 0 {
		most = min(most, t.most)
	}
	t.most = max(1, most/2)
	return true
}

// compileParts compiles both programs.
func (t *Trainer) compileParts(ctx context.Context, grads []*graph.Node) (err error) {
	u := &update{grads: grads}
	if t.prog, err = t.d.Compile(ctx, append([]*graph.Node{t.goal.loss()}, grads...)...); err != nil {
		return err
	}
	g := graph.New()
	for _, p := range t.method.Trained {
		u.sums = append(u.sums, g.Input("grad."+p.Var.Name, tensor.F32, p.Var.Shape...))
	}
	var updates []*graph.Node
	t.norm, t.hyper, updates = t.updates(g, u.sums)
	if u.prog, err = t.d.Compile(ctx, append(updates, t.norm)...); err != nil {
		t.prog.Close()
		return err
	}
	t.update = u
	return nil
}

// accumulate computes step k in parts.
func (t *Trainer) accumulate(ctx context.Context, k int, parts []*batch) (loss, norm float64, err error) {
	u := t.update
	var sum []float32
	for _, b := range parts {
		if err := t.write(t.prog, b, k); err != nil {
			return 0, 0, err
		}
		if loss, sum, err = runPart(ctx, t.prog, t.goal.loss(), u.grads, loss, sum); err != nil {
			return 0, 0, err
		}
	}
	for _, in := range u.sums {
		if err := u.prog.Write(in, tensor.F32Bytes(sum[:in.Numel()])); err != nil {
			return 0, 0, err
		}
		sum = sum[in.Numel():]
	}
	if err := t.writeHyper(u.prog, k); err != nil {
		return 0, 0, err
	}
	if err := u.prog.Run(ctx); err != nil {
		return 0, 0, err
	}
	norm, err = readOne(ctx, u.prog, t.norm)
	return loss, norm, err
}

// Parts is how many parts the largest step is computed in.
func (t *Trainer) Parts() int { return t.largest }

// Stats is the cost of the largest step.
func (t *Trainer) Stats() device.Stats {
	s := t.prog.Stats()
	if u := t.update; u != nil {
		x := u.prog.Stats()
		s.Dispatches = t.largest*s.Dispatches + x.Dispatches
		s.Arena, s.Inputs = s.Arena+x.Arena, s.Inputs+x.Inputs
	}
	return s
}
