package skill

import (
	"slices"

	"handful/core/fault"
)

// Stack makes an inventory of LoRAs, each one a skill, such as the fine-tunes
// of clusters of tasks. Their sites must be the same; smaller ranks are padded
// with zeros, and B takes up what differs in scaling: a Single is scaled by 1/r
// of its own rank, an inventory by 1/r of the largest. The one router is the
// uniform mixture. A one-hot routing collapses to the LoRA again.
func Stack(singles []*Single, splits int) (*Inventory, error) {
	if len(singles) == 0 {
		return nil, fault.Inputf("stack", "no LoRAs, want one or more")
	}
	first := singles[0]
	inv := &Inventory{Config: Config{Base: first.Base, TaskType: first.TaskType, Splits: splits, Skills: len(singles), Tasks: 1, Targets: first.Targets, Regex: first.Regex},
		Sites: first.Sites, Dims: first.Dims, A: map[string][]float32{}, B: map[string][]float32{}}
	for i, s := range singles {
		inv.Rank = max(inv.Rank, s.Rank)
		if !slices.Equal(s.Sites, first.Sites) {
			return nil, fault.Inputf("stack", "LoRA %d adapts %s, the first %s", i, span(s.Sites), span(first.Sites)).Next("take LoRAs with the same target_modules")
		}
		for _, site := range s.Sites {
			if s.Dims[site] != first.Dims[site] {
				return nil, fault.Inputf("stack", "LoRA %d has %s %s, the first %s", i, site, arrow(s.Dims[site]), arrow(first.Dims[site])).Next("take LoRAs of one base")
			}
		}
	}
	if err := inv.CheckSplits(); err != nil {
		return nil, err
	}
	for _, site := range inv.Sites {
		inv.A[site], inv.B[site] = inv.stack(singles, site)
	}
	inv.Logits = inv.ZeroLogits()
	return inv, nil
}

// stack cuts A [in, r] by rows and B [r, out] by columns into heads: [q, s,
// in/q, r] and [q, s, r, out/q].
func (inv *Inventory) stack(singles []*Single, site string) (a, b []float32) {
	q, k, r, d := inv.Splits, inv.Skills, inv.Rank, inv.Dims[site]
	rows, cols := d[0]/q, d[1]/q
	a, b = make([]float32, k*d[0]*r), make([]float32, k*r*d[1])
	for s, l := range singles {
		scale := float32(r) / float32(l.Rank)
		for h := 0; h < q; h++ {
			for i := 0; i < rows; i++ {
				copy(a[((h*k+s)*rows+i)*r:], l.A[site][(h*rows+i)*l.Rank:(h*rows+i+1)*l.Rank])
			}
			for i := 0; i < l.Rank; i++ {
				to := b[((h*k+s)*r+i)*cols:][:cols]
				for j, v := range l.B[site][i*d[1]+h*cols:][:cols] {
					to[j] = scale * v
				}
			}
		}
	}
	return a, b
}

// span shows a list of sites.
func span(sites []string) string {
	if len(sites) == 0 {
		return "nothing"
	}
	return sites[0] + " … " + sites[len(sites)-1]
}
