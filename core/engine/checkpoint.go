package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"handful/core/fault"
	"handful/core/tensor"
	"handful/core/tune"
)

// checkpoint is a run of Adapt that can go on: what was asked, with its
// examples, what has been done, and the trainer's state. As bytes it is a line
// that names the format with the sum of what follows, a line of JSON, the state,
// and the best state, where there is one.
type checkpoint struct {
	Model      string       `json:"model"` // Engine.fingerprint
	Options    AdaptOptions `json:"options"`
	Steps      []StepEvent  `json:"steps"`
	HeldLosses []HeldStep   `json:"heldLosses,omitempty"`
	Best       *heldBest    `json:"best,omitempty"`
	BestBytes  int          `json:"bestBytes,omitempty"` // at the end
	State      []byte       `json:"-"`                   // tune.Trainer.Snapshot
}

const checkpointHead = "handful run 1 "

const tryAnew = "start the run anew"

func (c *checkpoint) encode() ([]byte, error) {
	var best []byte
	if c.Best != nil {
		best = c.Best.State
	}
	c.BestBytes = len(best)
	line, err := json.Marshal(c)
	if err != nil {
		return nil, fault.From("run", err)
	}
	body := slices.Concat(line, []byte("\n"), c.State, best)
	return append([]byte(checkpointHead+sumOf(body)+"\n"), body...), nil
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// decodeCheckpoint reads what encode wrote. Damage is Corrupt.
func decodeCheckpoint(b []byte) (*checkpoint, error) {
	damaged := func(format string, args ...any) error {
		return fault.New(fault.Corrupt, "run", format, args...).Next(tryAnew)
	}
	rest, ok := bytes.CutPrefix(b, []byte(checkpointHead))
	if !ok {
		return nil, fault.Inputf("run", "got %.14q, want a kept run", b).Next(tryAnew)
	}
	sum, body, _ := bytes.Cut(rest, []byte("\n"))
	if string(sum) != sumOf(body) {
		return nil, damaged("a kept run is not what was written")
	}
	line, state, _ := bytes.Cut(body, []byte("\n"))
	c := &checkpoint{Options: AdaptOptions{Keep: KeepLast}} // as of a run that was kept before there was a choice
	if err := json.Unmarshal(line, c); err != nil {
		return nil, damaged("%w", err)
	}
	at := len(state) - c.BestBytes
	if at < 0 || c.BestBytes < 0 || (c.Best == nil) != (c.BestBytes == 0) {
		return nil, damaged("a kept run has %d bytes of state, %d of them the best's", len(state), c.BestBytes)
	}
	if c.State = state[:at]; c.Best != nil {
		c.Best.State = state[at:]
	}
	for i, s := range c.Steps {
		if s.Step != i+1 {
			return nil, damaged("a kept run's step %d is numbered %d", i+1, s.Step)
		}
	}
	return c, nil
}

// Resume goes on with a run from the bytes of its newest SnapshotEvent, with
// its own options: on the cpu to the same bits as if it had never ended. The
// engine must have the base and the inventory open that the run began with. on
// gets the steps that are still to be done.
func (e *Engine) Resume(ctx context.Context, run []byte, on func(Event)) (_ *Fit, err error) {
	defer e.lock()()
	defer fault.Recover("adapt", &err)
	if err := e.dev.ready(ctx); err != nil {
		return nil, err
	}
	defer e.dev.saw(&err)
	c, err := decodeCheckpoint(run)
	if err != nil {
		return nil, err
	}
	now, err := e.fingerprint()
	if err != nil {
		return nil, err
	}
	if c.Model != now {
		return nil, fault.Inputf("run", "it began with another base or inventory than what is open").Next("open the files that it began with")
	}
	if on != nil {
		on(Event{Resumed: &ResumedEvent{c.Options, c.Steps, c.HeldLosses}})
	}
	return e.adapt(ctx, c.Options, c, on)
}

// resume brings a trainer and what is known of the run to where it was.
func (c *checkpoint) resume(ctx context.Context, t *tune.Trainer, r *run) error {
	if err := t.Restore(context.WithoutCancel(ctx), c.State); err != nil {
		return fault.Or(err, tryAnew)
	}
	if t.At() != len(c.Steps) {
		return fault.New(fault.Corrupt, "run", "%d steps are told of, the state is after %d", len(c.Steps), t.At()).Next(tryAnew)
	}
	fit := r.fit
	fit.HeldLosses, r.follow.best = slices.Clone(c.HeldLosses), c.Best
	fit.Steps, fit.Losses = slices.Clone(c.Steps), nil
	for _, s := range c.Steps {
		fit.Losses = append(fit.Losses, s.Loss)
	}
	return nil
}

// fingerprint tells apart bases and inventories that a state would fit as well:
// a sum of what the tensors are called, of the beginning of two of the base's,
// and of two of the inventory's.
func (e *Engine) fingerprint() (string, error) {
	h := sha256.New()
	vars := e.model.Vars()
	for _, v := range vars {
		fmt.Fprintln(h, v)
	}
	for _, v := range []*tensor.Var{vars[0], vars[len(vars)-1]} {
		p := make([]byte, min(4096, v.Bytes()))
		if n, err := v.Init.ReadAt(p, 0); n < len(p) && err != nil && err != io.EOF {
			return "", fault.From("base", err)
		}
		h.Write(p)
	}
	if inv := e.inv; inv != nil {
		io.WriteString(h, strconv.Itoa(inv.Skills)+" "+strconv.Itoa(inv.Splits)+" "+strconv.Itoa(inv.Rank)+"\n")
		h.Write(tensor.F32Bytes(inv.A[inv.Sites[0]]))
		h.Write(tensor.F32Bytes(inv.B[inv.Sites[len(inv.Sites)-1]]))
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
