package skill

import "math"

// Similar tells how much like a mixture w (site → [q, s]) each row of Trained
// routes: the cosine of what the two have more and less than the even mixture,
// w − 1/S, over all sites, heads and skills. 1: the same skills in the same
// places; 0: unrelated, as the even mixture is to all. The measure is ours; the
// paper compares tasks by gradients (Align).
func (inv *Inventory) Similar(w map[string][]float32) []float64 {
	from, qs, even := inv.Trained(), inv.Splits*inv.Skills, 1/float64(inv.Skills)
	out := make([]float64, from.Tasks)
	for row := range out {
		dot, ww, vv := 0.0, 0.0, 0.0
		for _, s := range inv.Sites {
			z := from.Logits[s]
			if (row+1)*qs > len(z) || len(w[s]) != qs {
				continue
			}
			for i, v := range inv.Weights(z[row*qs : (row+1)*qs]) {
				a, b := float64(w[s][i])-even, float64(v)-even
				dot, ww, vv = dot+a*b, ww+a*a, vv+b*b
			}
		}
		if ww > 0 && vv > 0 {
			out[row] = dot / math.Sqrt(ww*vv)
		}
	}
	return out
}
