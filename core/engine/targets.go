package engine

import (
	"handful/core/fault"
	"handful/core/skill"
)

// PEFT's task types.
const (
	causal  = "CAUSAL_LM"
	seq2seq = "SEQ_2_SEQ_LM"
)

// taskType is PEFT's name for what the base does.
func (e *Engine) taskType() string {
	if e.encodes() {
		return seq2seq
	}
	return causal
}

// linears are all linears of a block, the default of --targets.
func (e *Engine) linears() []string {
	switch c := e.model.Config(); {
	case !c.Encodes():
		return []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
	case c.Act == "relu":
		return []string{"q", "k", "v", "o", "wi", "wo"}
	}
	return []string{"q", "k", "v", "o", "wi_0", "wi_1", "wo"}
}

// scalings are what (IA)³ scales by default, PEFT's for Llama and T5.
func (e *Engine) scalings() []string {
	if e.encodes() {
		return []string{"k", "v", "wo"}
	}
	return []string{"k_proj", "v_proj", "down_proj"}
}

// presets are the modules that the paper's code adapts in a gated T5 (METHOD A1,
// mttl configs/t0/poly_lora.json, configs/ni/poly_lora.json and T-Few's (IA)³).
var presets = map[string]string{"t0": mttlTargets("q|k|v|o|wi_1.*|wi_0.*|wo"), "ni": mttlTargets("q|k|v|o"), "ia3": mttlTargets("k|v|wi_1.*")}

// mttlTargets is mttl's modify_modules and modify_layers as one pattern.
func mttlTargets(layers string) string {
	return `.*(SelfAttention|EncDecAttention|DenseReluDense)\.(` + layers + `)`
}

// targeted are the base's linears that targets name, by default all of a block;
// names are the ones that held.
func (e *Engine) targeted(op string, targets []string) (sites, names []string, regex bool, err error) {
	asked := targets
	if len(targets) == 0 || len(targets) == 1 && targets[0] == "all-linear" { // PEFT's word for the blocks' linears
		targets = e.linears()
	}
	if len(targets) == 1 {
		if p := presets[targets[0]]; p != "" {
			targets = []string{p}
		}
		regex = isRegex(targets[0])
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
		like := e.linears()
		return nil, nil, false, fault.Inputf(op, "--targets %v match no linear of the base", asked).Next("use names such as %s, %s", like[0], like[2])
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
