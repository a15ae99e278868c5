package engine

import (
	"strings"

	"handful/core/fault"
	"handful/core/skill"
)

// Routing tells the mixture of an adapter, by its name as in Adapter: "mean";
// "task:ID"; "file", the opened adapter's first task. That of a fine-tune is in
// its Fit.
func (e *Engine) Routing(which string) (*Routing, error) {
	defer e.lock()()
	id, task := strings.CutPrefix(which, "task:")
	switch {
	case which == "file" && e.restored != nil && e.restored.Routing != nil:
		return e.restored.Routing, nil
	case which == "file" && e.poly != nil:
		return routingOf(e.poly, 0), nil
	case e.inv != nil && task:
		z, err := e.inv.Task(id)
		if err != nil {
			return nil, err
		}
		return routingOf(e.inv.WithLogits(z), 0), nil
	case e.inv != nil && which == "mean":
		return heads(e.inv, 0, e.inv.Uniform()), nil
	}
	return nil, fault.Inputf("routing", "%q has no routing here", which).Next("z and mhr learn one; an inventory has task:ID and mean")
}

// routingOf lists the weights w of the first task per site.
func routingOf(inv *skill.Inventory, step int) *Routing {
	w := map[string][]float32{}
	for _, s := range inv.Sites {
		w[s] = inv.Weights(inv.Logits[s][:inv.Splits*inv.Skills])
	}
	return heads(inv, step, w)
}

// heads lays weights [Q·S] per site out as site, head, skill.
func heads(inv *skill.Inventory, step int, w map[string][]float32) *Routing {
	r := &Routing{Step: step, Sites: inv.Sites}
	for _, s := range inv.Sites {
		one := make([][]float32, inv.Splits)
		for q := range one {
			one[q] = w[s][q*inv.Skills : (q+1)*inv.Skills]
		}
		r.W = append(r.W, one)
	}
	return r
}
