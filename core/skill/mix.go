package skill

import "handful/core/fault"

// Uniform is the mixture 1/S in each head: MHR's average.
func (inv *Inventory) Uniform() map[string][]float32 {
	m := map[string][]float32{}
	for _, s := range inv.Sites {
		w := make([]float32, inv.Splits*inv.Skills)
		for i := range w {
			w[i] = 1 / float32(inv.Skills)
		}
		m[s] = w
	}
	return m
}

// Row is the mixture of one row of each router.
func (inv *Inventory) Row(row int) (map[string][]float32, error) {
	m := map[string][]float32{}
	qs := inv.Splits * inv.Skills
	for _, s := range inv.Sites {
		z := inv.Logits[s]
		if row < 0 || (row+1)*qs > len(z) {
			return nil, fault.Inputf("inventory", "task %d, want 0 to %d", row, len(z)/qs-1).Next("`handful inspect` lists the tasks")
		}
		m[s] = inv.Weights(z[row*qs : (row+1)*qs])
	}
	return m, nil
}

// Collapse mixes A and B separately by w (site → [q, s]) into one LoRA, which
// is exact for a fixed routing: after mixing, A is one [in, r] and B one
// [r, out] (METHOD B4).
func (inv *Inventory) Collapse(w map[string][]float32) *Single {
	out := &Single{Base: inv.Base, TaskType: inv.TaskType, Rank: inv.Rank, Targets: inv.Targets, Regex: inv.Regex,
		Sites: inv.Sites, Dims: inv.Dims, A: map[string][]float32{}, B: map[string][]float32{}}
	for _, site := range inv.Sites {
		d := inv.Dims[site]
		out.A[site] = mix(w[site], inv.A[site], inv.Splits, inv.Skills, d[0]/inv.Splits, inv.Rank, 0)
		out.B[site] = mix(w[site], inv.B[site], inv.Splits, inv.Skills, inv.Rank, d[1]/inv.Splits, 1)
	}
	return out
}

// mix is graph.KindMix for one task on the host, summed in float64:
// w [q, s], p [q, s, a, b] → [q·a, b] (axis 0) or [a, q·b] (axis 1).
func mix(w, p []float32, q, s, a, b, axis int) []float32 {
	out := make([]float32, q*a*b)
	for h := 0; h < q; h++ {
		for i := 0; i < a; i++ {
			o := (h*a + i) * b
			if axis == 1 {
				o = i*q*b + h*b
			}
			for j := 0; j < b; j++ {
				sum := 0.0
				for k := 0; k < s; k++ {
					sum += float64(w[h*s+k]) * float64(p[((h*s+k)*a+i)*b+j])
				}
				out[o+j] = float32(sum)
			}
		}
	}
	return out
}
