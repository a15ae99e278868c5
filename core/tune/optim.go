package tune

import (
	"math"

	"handful/core/graph"
	"handful/core/tensor"
)

// Optim are the optimiser's settings. Betas and eps are torch.optim.AdamW's.
type Optim struct {
	LR, RouterLR       float64
	Decay, RouterDecay float64 // decoupled weight decay of A and B, and of logits
	Clip               float64 // global norm of all trained tensors; 0: off
	Warmup, Steps      int
	Linear             bool // decay to 0 at Steps; else constant
}

const beta1, beta2, adamEps = 0.9, 0.999, 1e-8

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

// hyper is graph.AdamW's input at step k from 0 for A and B or for logits.
func (o Optim) hyper(k int, logits bool) []float32 {
	lr, decay := o.LR, o.Decay
	if logits {
		lr, decay = o.RouterLR, o.RouterDecay
	}
	t := float64(k + 1)
	return []float32{float32(lr * o.Factor(k)), float32(decay), beta1, beta2, adamEps,
		float32(1 - math.Pow(beta1, t)), float32(math.Sqrt(1 - math.Pow(beta2, t))), float32(o.Clip)}
}

// moments are Adam's running averages of one variable.
type moments struct{ p, m, v *tensor.Var }

// updates adds the optimiser to a graph: the global norm, and an AdamW node
// for each trained variable. hyper holds the inputs for A and B, and for logits.
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
		mo := moments{p.Var, tensor.Zeros(p.Var.Name+".m", p.Var.Shape...), tensor.Zeros(p.Var.Name+".v", p.Var.Shape...)}
		t.moments = append(t.moments, mo)
		steps = append(steps, graph.AdamW(mo.p, mo.m, mo.v, grads[i], norm, hyper[k]))
	}
	return norm, hyper, steps
}
