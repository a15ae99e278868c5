package tune

import (
	"math"

	"handful/core/graph"
	"handful/core/tensor"
)

// Optimisers.
const (
	AdamW     = "adamw"     // torch.optim.AdamW; also ""
	Adafactor = "adafactor" // transformers' Adafactor, with rates of our own
)

// Optim says how to train. Betas and eps are torch.optim.AdamW's; Adafactor's
// other numbers are the defaults of transformers.
type Optim struct {
	Name               string // AdamW, Adafactor
	Loss               string // LossLM, LossNI, LossTFew
	LR, RouterLR       float64
	Decay, RouterDecay float64 // decoupled weight decay of A and B, and of logits
	Clip               float64 // global norm of all trained tensors; 0: off
	Warmup, Steps      int
	Linear             bool // decay to 0 at Steps; else constant
	ScaleParameter     bool // Adafactor: rates are relative to each tensor's RMS
}

const (
	beta1, beta2, adamEps = 0.9, 0.999, 1e-8

	decayRate, clipThreshold     = -0.8, 1
	adafactorEps1, adafactorEps2 = 1e-30, 1e-3
)

// Factor is the schedule's multiplier at step k from 0: k/W in the warm-up,
// then 1 or (T−k)/(T−W) (transformers' get_linear_schedule_with_warmup).
func (o Optim) Factor(k int) float64 {
	switch {
	case k < o.Warmup:
		return float64(k) / float64(o.Warmup)
	case o.Linear:
		return math.Max(0, float64(o.Steps-k)/math.Max(1, float64(o.Steps-o.Warmup)))
	}
	return 1
}

// hyper is the update's input at step k from 0, for A and B or for logits.
func (o Optim) hyper(k int, logits bool) []float32 {
	lr, decay := o.LR, o.Decay
	if logits {
		lr, decay = o.RouterLR, o.RouterDecay
	}
	t := float64(k + 1)
	if o.Name == Adafactor {
		scale := float32(0)
		if o.ScaleParameter {
			scale = 1
		}
		return []float32{float32(lr * o.Factor(k)), float32(decay), float32(1 - math.Pow(t, decayRate)), scale, float32(o.Clip),
			clipThreshold, adafactorEps1, adafactorEps2}
	}
	return []float32{float32(lr * o.Factor(k)), float32(decay), beta1, beta2, adamEps,
		float32(1 - math.Pow(beta1, t)), float32(math.Sqrt(1 - math.Pow(beta2, t))), float32(o.Clip)}
}

// state is a trained variable with the optimiser's averages of it.
type state struct {
	p        *tensor.Var
	averages []*tensor.Var
}

// vars are the variable and its averages.
func (s state) vars() []*tensor.Var { return append([]*tensor.Var{s.p}, s.averages...) }

// newState makes the averages: Adam's m and v; Adafactor's row and col, or v.
func (o Optim) newState(p *tensor.Var) state {
	s := state{p: p}
	add := func(name string, shape ...int) {
		s.averages = append(s.averages, tensor.Zeros(p.Name+"."+name, shape...))
	}
	if o.Name != Adafactor {
		add("m", p.Shape...)
		add("v", p.Shape...)
		return s
	}
	names := []string{"v"}
	sizes := graph.AdafactorOf(p.Shape).State()
	if len(sizes) == 2 {
		names = []string{"row", "col"}
	}
	for i, n := range sizes {
		add(names[i], n)
	}
	return s
}

// updates adds the optimiser to a graph: the global norm, and an update of
// each trained variable. hyper holds the inputs for A and B, and for logits.
func (t *Trainer) updates(g *graph.Graph, grads []*graph.Node) (norm *graph.Node, hyper [2]*graph.Node, steps []*graph.Node) {
	norm = graph.GlobalNorm(grads...)
	for i, p := range t.method.Trained {
		k := 0
		if p.Logits {
			k = 1
		}
		if hyper[k] == nil {
			hyper[k] = g.Input([]string{"hyper", "hyper.logits"}[k], tensor.F32, 8)
		}
		if len(t.states) == i {
			t.states = append(t.states, t.optim.newState(p.Var))
		}
		s := t.states[i]
		if t.optim.Name == Adafactor {
			steps = append(steps, graph.Adafactor(s.p, s.averages, grads[i], norm, hyper[k]))
			continue
		}
		steps = append(steps, graph.AdamW(s.p, s.averages[0], s.averages[1], grads[i], norm, hyper[k]))
	}
	return norm, hyper, steps
}
