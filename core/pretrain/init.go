package pretrain

import (
	"math"
	"strconv"
	"strings"

	"handful/core/fault"
	"handful/core/skill"
)

// RowInit is how the tasks' router rows begin. The zero value is mttl's
// U(±1e-3): all tasks use all skills alike. With On > 0 each category of tasks
// begins with On of the skills in each head, drawn at random: their logits stand
// at +Scale, the others' at −Scale. So skills part early instead of all growing
// alike before the routers tell them apart.
type RowInit struct {
	On    int
	Scale float64
}

// ParseRowInit reads "fresh" or "sparse:K:SCALE".
func ParseRowInit(s string) (RowInit, error) {
	if s == "" || s == "fresh" {
		return RowInit{}, nil
	}
	p := strings.Split(s, ":")
	if len(p) == 3 && p[0] == "sparse" {
		on, err1 := strconv.Atoi(p[1])
		scale, err2 := strconv.ParseFloat(p[2], 64)
		if err1 == nil && err2 == nil && on > 0 && scale > 0 && !math.IsInf(scale, 0) {
			return RowInit{on, scale}, nil
		}
	}
	return RowInit{}, fault.Inputf("pretrain", "--init-rows %q, want fresh or sparse:K:SCALE, such as sparse:2:2", s)
}

// NewInventory makes the first values of an inventory as mttl does (METHOD A1):
// A ~ U(±1/√(3·in)), B = 0, Z ~ U(±1e-3), plus what rows say. category is each
// task's, c.Tasks of them.
func NewInventory(c skill.Config, sites []string, dims map[string][2]int, category []string, rows RowInit, seed uint64) (*skill.Inventory, error) {
	inv := &skill.Inventory{Config: c, Sites: sites, Dims: dims, A: map[string][]float32{}, B: map[string][]float32{}, Logits: map[string][]float32{}}
	if err := inv.CheckSplits(); err != nil {
		return nil, err
	}
	if rows.On > c.Skills {
		return nil, fault.Inputf("pretrain", "--init-rows sparse:%d of %d skills", rows.On, c.Skills).Next("take at most as many as there are skills")
	}
	r := skill.Rand(seed)
	uniform := func(b float64) float32 { return float32((2*r.Float64() - 1) * b) }
	qs := c.Splits * c.Skills
	first := map[string][]float32{} // a category's row: the same at every site, so that a skill is one thing through the layers
	for _, k := range category {
		if first[k] != nil || rows.On == 0 {
			continue
		}
		row := make([]float32, qs)
		for q := range c.Splits {
			for i, s := range r.Perm(c.Skills) {
				row[q*c.Skills+s] = float32(-rows.Scale)
				if i < rows.On {
					row[q*c.Skills+s] = float32(rows.Scale)
				}
			}
		}
		first[k] = row
	}
	for _, s := range sites {
		d := dims[s]
		a := make([]float32, c.Skills*d[0]*c.Rank)
		for i := range a {
			a[i] = uniform(1 / math.Sqrt(3*float64(d[0])))
		}
		z := make([]float32, c.Tasks*qs)
		for i := range z {
			z[i] = uniform(1e-3)
			if rows.On > 0 {
				z[i] += first[category[i/qs]][i%qs]
			}
		}
		inv.A[s], inv.B[s], inv.Logits[s] = a, make([]float32, c.Skills*c.Rank*d[1]), z
	}
	return inv, nil
}
