package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/device/gpu/lavapipe"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/graph"
)

// counter is a device that counts what is asked of it.
type counter struct {
	device.Device
	written int // bytes of inputs
	tokens  int // rows of "ids" in all runs
	runs    int
}

func (c *counter) Compile(ctx context.Context, outs ...*graph.Node) (device.Program, error) {
	p, err := c.Device.Compile(ctx, outs...)
	return &countedProgram{Program: p, c: c}, err
}

type countedProgram struct {
	device.Program
	c      *counter
	tokens int
}

func (p *countedProgram) Write(in *graph.Node, data []byte) error {
	p.c.written += len(data)
	if in.Name == "ids" {
		p.tokens = len(data) / 4
	}
	return p.Program.Write(in, data)
}

func (p *countedProgram) Run(ctx context.Context) error {
	p.c.tokens += p.tokens
	p.c.runs++
	return p.Program.Run(ctx)
}

// openCounted opens a model on a device of a kind that counts, or skips.
func openCounted(t *testing.T, base, inventory format.Folder, kind string) (*Engine, *counter) {
	t.Helper()
	c := &counter{}
	e, err := Open(context.Background(), OpenOptions{Base: base, Inventory: inventory, Device: device.Options{Kind: kind},
		OpenDevice: func(ctx context.Context, o device.Options) (device.Device, string, error) {
			if kind == "cpu" { // of every build the same
				c.Device = cpu.New(cpu.Fast)
				return c, "a test", nil
			}
			d, why, err := device.Open(ctx, o)
			c.Device = d
			return c, why, err
		}})
	if fault.Is(err, fault.NoGPU) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e, c
}

// What a training step costs in counts, which no busy machine disturbs: kernels,
// KiB of values and bytes of inputs, of 2 rows of 16 tokens. A budget is what it was when it
// was set; a smaller count may become the budget, a larger one wants a reason.
func TestBudgetOfAStep(t *testing.T) {
	const pocket = "../../assets/pocket"
	small := func(t *testing.T) (base, inventory format.Folder) {
		return formattest.Folder(t, pocket+"/base"), formattest.Folder(t, pocket+"/inventory")
	}
	real := func(t *testing.T) (base, inventory format.Folder) { return realBase(t), realInventory(t) }
	const written = 1028
	for _, c := range []struct {
		name       string
		open       func(*testing.T) (base, inventory format.Folder)
		kind       string
		method     string
		dispatches int
		arena      int
	}{
		{"pocket", small, "cpu", "z", 546, 967},
		{"pocket", small, "cpu", "mu", 322, 867},
		{"pocket", small, "gpu", "z", 604, 968},
		{"pocket", small, "gpu", "mu", 380, 868},
		{"SmolLM2-135M", real, "cpu", "z", 4056, 29716},
		{"SmolLM2-135M", real, "cpu", "mu", 2376, 26152},
		{"SmolLM2-135M", real, "gpu", "z", 4478, 29718},
		{"SmolLM2-135M", real, "gpu", "mu", 2798, 26154},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.name, c.kind, c.method), func(t *testing.T) {
			lavapipe.Use()
			base, inventory := c.open(t)
			e, n := openCounted(t, base, inventory, c.kind)
			train := func(ctx context.Context, steps int, emit func(Event)) error {
				o := Defaults(c.method)
				o.Examples, o.Batch, o.Steps, o.Order, o.RouterInit = randomRows(2, 16, e.Info().Vocab), 2, steps, "file", "mean"
				_, err := e.Adapt(ctx, o, emit)
				return err
			}
			// the plan tells the kernels: nothing need run
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			got, arena := 0, 0
			err := train(ctx, 1, func(ev Event) {
				if ev.Plan != nil {
					got, arena = ev.Plan.Dispatches, int(ev.Plan.Arena>>10)
					stop()
				}
			})
			if got == 0 || got > c.dispatches {
				t.Errorf("a step is %d kernels (%v), the budget is %d", got, err, c.dispatches)
			}
			if arena == 0 || arena > c.arena {
				t.Errorf("a step keeps %d KiB, the budget is %d", arena, c.arena)
			}
			if c.name != "pocket" { // what is written does not depend on the model
				return
			}
			var bytes [2]int // of one step, and of three
			for i := range bytes {
				before := n.written
				if err := train(context.Background(), 1+2*i, nil); err != nil {
					t.Fatal(err)
				}
				bytes[i] = n.written - before
			}
			if got := (bytes[1] - bytes[0]) / 2; got == 0 || got > written {
				t.Errorf("a step writes %d bytes, the budget is %d", got, written)
			}
		})
	}
}

// randomRows are examples of random tokens, the last quarter to be learned.
func randomRows(rows, tokens, vocab int) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for range rows {
		ids, labels := make([]string, tokens), make([]string, tokens)
		for i := range ids {
			ids[i], labels[i] = fmt.Sprint(r.IntN(vocab)), "-100"
			if i >= tokens*3/4 {
				labels[i] = ids[i]
			}
		}
		fmt.Fprintf(&b, `{"input_ids": [%s], "labels": [%s]}`+"\n", strings.Join(ids, ","), strings.Join(labels, ","))
	}
	return b.String()
}

// A prompt is computed once for all the answers that it could have: 32 prompts
// with 77 options each take a fifth of the tokens, or less, that each prompt
// with each option would, filled-up batches included.
func TestBudgetOfScoringOptions(t *testing.T) {
	const pocket, prompts, least = "../../assets/pocket", 32, 5
	e, n := openCounted(t, formattest.Folder(t, pocket+"/base"), formattest.Folder(t, pocket+"/inventory"), "cpu")
	var options []string
	for _, of := range []string{"card", "transfer", "top-up", "refund", "account", "cash", "payment", "currency", "identity", "PIN", "fee"} {
		for _, what := range []string{"pending", "declined", "not received", "charged twice", "limit", "by phone", "abroad"} {
			options = append(options, of+" "+what)
		}
	}
	var b strings.Builder
	for i := range prompts {
		fmt.Fprintf(&b, `{"input": "I wanted to ask about what happened on day %d: %s, and nobody could tell me what to do about it.", "output": %q}`+"\n", i+1, strings.Repeat("I waited ", i%5+1), options[i*2])
	}
	exs, err := parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	qs, err := e.questions(exs, options, EvalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	each := 0
	for _, q := range qs {
		for _, r := range q.scored {
			each += len(r.IDs)
		}
	}
	base, err := e.Adapter("base")
	if err != nil {
		t.Fatal(err)
	}
	n.tokens = 0
	if _, err := e.Evaluate(context.Background(), base, b.String(), EvalOptions{Options: options}); err != nil {
		t.Fatal(err)
	}
	if len(options) != 77 || n.tokens == 0 || n.tokens*least > each {
		t.Errorf("%d options: %d tokens computed in %d runs, %d of each prompt with each option: want at most a %dth", len(options), n.tokens, n.runs, each, least)
	}
	t.Logf("%d tokens in %d runs; each prompt with each option: %d (%.1f times as many)", n.tokens, n.runs, each, float64(each)/float64(n.tokens))
}
