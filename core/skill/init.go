package skill

import (
	"math"
	"math/rand/v2"
)

// Rand is the generator of all initial values: PCG, so that a seed gives the
// same values on every platform.
func Rand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x68616e6466756c)) }

// FreshLogits is a new task's routers, U(±1e-3) (mttl
// PolytroponSelector.resize_module_logits): nearly the uniform mixture. Sites
// that share a router get the same values.
func (inv *Inventory) FreshLogits(seed uint64) map[string][]float32 {
	r := Rand(seed)
	z := map[string][]float32{}
	keys, sites := inv.Groups()
	for _, k := range keys {
		row := make([]float32, inv.Splits*inv.Skills)
		for i := range row {
			row[i] = uniform(r, 1e-3)
		}
		for _, s := range sites[k] {
			z[s] = row
		}
	}
	return z
}

// ZeroLogits is a router of exactly the uniform mixture.
func (inv *Inventory) ZeroLogits() map[string][]float32 {
	z := map[string][]float32{}
	for _, s := range inv.Sites {
		z[s] = make([]float32, inv.Splits*inv.Skills)
	}
	return z
}

// WithLogits is the inventory with routers of one task, sharing A and B.
func (inv *Inventory) WithLogits(z map[string][]float32) *Inventory {
	c := *inv
	c.Tasks, c.Logits, c.Manifest = 1, z, nil
	return &c
}

// Routed is the inventory with other routing, sharing A, B and Z.
func (inv *Inventory) Routed(r Routing) *Inventory {
	c := *inv
	c.Routing = r
	return &c
}

// NewSingle is a LoRA from scratch: A ~ U(±1/√(3·in)), B = 0 (mttl
// LoRA.reset_parameters).
func NewSingle(sites []string, dims map[string][2]int, rank int, seed uint64) *Single {
	r := Rand(seed)
	s := &Single{Rank: rank, Sites: sites, Dims: dims, A: map[string][]float32{}, B: map[string][]float32{}}
	for _, n := range sites {
		d := dims[n]
		a := make([]float32, d[0]*rank)
		for i := range a {
			a[i] = uniform(r, 1/math.Sqrt(3*float64(d[0])))
		}
		s.A[n], s.B[n] = a, make([]float32, rank*d[1])
	}
	return s
}

func uniform(r *rand.Rand, b float64) float32 { return float32((2*r.Float64() - 1) * b) }

// Repeat is the inventory with every task's router set to the same logits.
func (inv *Inventory) Repeat(z map[string][]float32) *Inventory {
	c := *inv
	c.Logits = map[string][]float32{}
	for _, s := range inv.Sites {
		for t := 0; t < inv.Tasks; t++ {
			c.Logits[s] = append(c.Logits[s], z[s]...)
		}
	}
	return &c
}
