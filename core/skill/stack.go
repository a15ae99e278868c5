package skill

import (
	"slices"

	"handful/core/fault"
)

// Stack makes an inventory of LoRAs, each one a skill, such as the fine-tunes
// of clusters of tasks. A linear that only some of them adapt is zeros for the
// others; smaller ranks are padded with zeros, and B takes up what differs in
// scaling: a Single is scaled by 1/r of its own rank, an inventory by 1/r of the
// largest. The one router is the uniform mixture; TaskRows has a row for each
// LoRA, of which it is certain: such a routing collapses to the LoRA again.
func Stack(singles []*Single, splits int) (*Inventory, error) {
	if len(singles) == 0 {
		return nil, fault.Inputf("stack", "no LoRAs, want one or more")
	}
	inv := &Inventory{Config: Config{Splits: splits, Skills: len(singles), Tasks: 1}, Dims: map[string][2]int{}, A: map[string][]float32{}, B: map[string][]float32{}}
	first := map[string]int{} // site → the LoRA that has it first
	for i, s := range singles {
		inv.Rank = max(inv.Rank, s.Rank)
		if inv.Base == "" {
			inv.Base = s.Base
		}
		if inv.TaskType == "" {
			inv.TaskType = s.TaskType
		}
		for _, site := range s.Sites {
			d, have := inv.Dims[site]
			if !have {
				inv.Sites, inv.Dims[site], first[site] = append(inv.Sites, site), s.Dims[site], i
			} else if d != s.Dims[site] {
				return nil, fault.Inputf("stack", "LoRA %d has %s %s, LoRA %d %s", i, site, arrow(s.Dims[site]), first[site], arrow(d)).Next("take LoRAs of one base")
			}
		}
	}
	SortSites(inv.Sites)
	inv.Targets, inv.Regex = singles[0].Targets, singles[0].Regex
	for _, s := range singles { // where they differ, the sites themselves
		if !slices.Equal(s.Targets, inv.Targets) || s.Regex != inv.Regex {
			inv.Targets, inv.Regex = inv.Sites, false
			break
		}
	}
	if err := inv.CheckSplits(); err != nil {
		return nil, err
	}
	for _, site := range inv.Sites {
		inv.A[site], inv.B[site] = inv.stack(singles, site)
	}
	inv.Logits, inv.TaskRows = inv.ZeroLogits(), inv.OneEach()
	return inv, nil
}

// OneEach are routers [s, q·s] of which row i takes skill i alone.
func (inv *Inventory) OneEach() map[string][]float32 {
	rows := slices.Repeat([]float32{-certain}, inv.Skills*inv.Splits*inv.Skills)
	for i := range inv.Skills {
		for h := range inv.Splits {
			rows[(i*inv.Splits+h)*inv.Skills+i] = certain
		}
	}
	z := map[string][]float32{}
	for _, s := range inv.Sites {
		z[s] = rows
	}
	return z
}

// stack cuts A [in, r] by rows and B [r, out] by columns into heads: [q, s,
// in/q, r] and [q, s, r, out/q].
func (inv *Inventory) stack(singles []*Single, site string) (a, b []float32) {
	q, k, r, d := inv.Splits, inv.Skills, inv.Rank, inv.Dims[site]
	rows, cols := d[0]/q, d[1]/q
	a, b = make([]float32, k*d[0]*r), make([]float32, k*r*d[1])
	for s, l := range singles {
		if l.A[site] == nil {
			continue
		}
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
