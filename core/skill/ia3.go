package skill

import (
	"slices"
	"strings"
)

// IA3 is an (IA)³ adapter (Liu et al. 2022, PEFT tuners/ia3): a learned vector
// for each site, which scales its output, or its input where the site is
// feed-forward. y = (x·Wᵀ) ⊙ l, or y = (x ⊙ l)·Wᵀ.
type IA3 struct {
	Base        string
	TaskType    string
	Targets     []string
	Regex       bool
	Feedforward []string // feedforward_modules: ends of names, a subset of Targets unless Regex
	Sites       []string
	Scale       map[string][]float32 // [out]; [in] of a feed-forward site
	Dims        map[string][2]int    // in, out; 0 where the vector does not tell
}

// IsFeedforward tells whether a site's input is scaled. PEFT takes any name
// that ends alike (IA3Model._check_target_module_feedforward).
func (a *IA3) IsFeedforward(site string) bool {
	for _, f := range a.Feedforward {
		if strings.HasSuffix(site, f) {
			return true
		}
	}
	return false
}

// feedforward are the modules that read the hidden activation of a
// feed-forward layer: Llama's and T5's, as PEFT's defaults have them.
var feedforward = []string{"down_proj", "wo"}

// NewIA3 is an (IA)³ adapter of ones, which changes nothing. Feed-forward are
// the targets whose names end in down_proj or wo; where the targets are a
// regex, the sites that do.
func NewIA3(sites []string, dims map[string][2]int, targets []string, regex bool) *IA3 {
	a := &IA3{Targets: targets, Regex: regex, Sites: sites, Scale: map[string][]float32{}, Dims: dims}
	named := targets
	if regex {
		named = sites
	}
	for _, t := range named {
		f := t[strings.LastIndexByte(t, '.')+1:]
		if !slices.Contains(feedforward, f) {
			continue
		}
		if !regex {
			f = t
		}
		if !slices.Contains(a.Feedforward, f) {
			a.Feedforward = append(a.Feedforward, f)
		}
	}
	for _, s := range sites {
		n := dims[s][1]
		if a.IsFeedforward(s) {
			n = dims[s][0]
		}
		a.Scale[s] = slices.Repeat([]float32{1}, n)
	}
	return a
}
