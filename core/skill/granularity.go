package skill

import (
	"strings"

	"handful/core/fault"
)

// Granularity says which layers share a router while training (mttl's
// router_granularity). Files keep one router a layer, as PEFT's POLY does:
// shared ones are written once for each of their layers.
type Granularity string

// The granularities, from a router for each linear to one for the model.
const (
	Fine   Granularity = "fine"   // each linear
	Layer  Granularity = "layer"  // each sub-layer: attention, feed-forward
	Block  Granularity = "block"  // each block
	Coder  Granularity = "coder"  // the encoder, the decoder
	Coarse Granularity = "coarse" // the model
)

// ParseGranularity reads a name; "" is Fine.
func ParseGranularity(s string) (Granularity, error) {
	switch g := Granularity(s); g {
	case "":
		return Fine, nil
	case Fine, Layer, Block, Coder, Coarse:
		return g, nil
	}
	return "", fault.Inputf("granularity", "%q, want fine, layer, block, coder or coarse", s)
}

// Key names the router of a site: the site's own name up to the segment after
// "layer", "block" or up to "encoder" or "decoder" (mttl routing.py,
// modify_with_routing). Llama's names say layers.N for a block, and its
// sub-layers are what the last segment stands in.
//
//	                 encoder.block.3.layer.0.SelfAttention.q   model.layers.3.self_attn.q_proj
//	layer            encoder.block.3.layer.0                   model.layers.3.self_attn
//	block            encoder.block.3                           model.layers.3
//	coder            encoder                                   model
//	coarse           model                                     model
func (g Granularity) Key(site string) string {
	parts := strings.Split(site, ".")
	upTo := func(n int) string { return strings.Join(parts[:n], ".") }
	block := 0 // parts that name the block
	for i := 0; i+2 < len(parts) && block == 0; i++ {
		if (parts[i] == "block" || parts[i] == "layers") && isNumber(parts[i+1]) {
			block = i + 2
		}
	}
	switch g {
	case Coder:
		for i, p := range parts {
			if p == "encoder" || p == "decoder" {
				return upTo(i + 1)
			}
		}
		return "model"
	case Coarse:
		return "model"
	case Block:
		if block > 0 {
			return upTo(block)
		}
	case Layer:
		if block > 0 && block+2 < len(parts) && parts[block] == "layer" && isNumber(parts[block+1]) {
			return upTo(block + 2)
		}
		if block > 0 && block < len(parts)-1 {
			return upTo(len(parts) - 1)
		}
	}
	return site
}

func isNumber(s string) bool { n, rest := leadingNumber(s); return n >= 0 && rest == "" }

// Groups lists the routers' keys in order of their first site, with the sites
// of each.
func (inv *Inventory) Groups() (keys []string, sites map[string][]string) {
	sites = map[string][]string{}
	for _, s := range inv.Sites {
		k := inv.Granularity.Key(s)
		if sites[k] == nil {
			keys = append(keys, k)
		}
		sites[k] = append(sites[k], s)
	}
	return keys, sites
}

// Shared is what a group of sites starts from: the mean of their logits,
// element by element. Where all sites have the same, so does the group, bit for
// bit.
func (inv *Inventory) Shared(sites []string) []float32 {
	sum := make([]float64, len(inv.Logits[sites[0]]))
	for _, s := range sites {
		for i, v := range inv.Logits[s] {
			sum[i] += float64(v)
		}
	}
	z := make([]float32, len(sum))
	for i, v := range sum {
		z[i] = float32(v / float64(len(sites)))
	}
	return z
}
