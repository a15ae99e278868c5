package engine

import (
	"handful/core/fault"
	"handful/core/skill"
)

// linears are all linears of a block, the default of --targets.
var linears = []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}

// targeted are the base's linears that targets name, or fallback where there
// are none; names are the ones that held.
func (e *Engine) targeted(op string, fallback, targets []string) (sites, names []string, regex bool, err error) {
	regex = len(targets) == 1 && isRegex(targets[0])
	if len(targets) == 0 || len(targets) == 1 && targets[0] == "all-linear" { // PEFT's word for the blocks' linears
		targets = fallback
	}
	named, err := skill.NewMatcher(targets, regex)
	if err != nil {
		return nil, nil, false, err
	}
	for _, s := range e.model.Sites() {
		ok, err := named.Match(s.Name)
		if err != nil {
			return nil, nil, false, err
		}
		if ok {
			sites = append(sites, s.Name)
		}
	}
	if len(sites) == 0 {
		return nil, nil, false, fault.Inputf(op, "--targets %v match no linear of the base", targets).Next("use names such as q_proj, v_proj")
	}
	return sites, targets, regex, nil
}

// isRegex tells a regular expression from a module name.
func isRegex(s string) bool {
	for _, r := range s {
		switch r {
		case '.', '_', '-':
		default:
			if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9') {
				return true
			}
		}
	}
	return false
}
