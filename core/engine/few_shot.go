package engine

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"handful/core/fault"
	"handful/core/skill"
)

// An inventory's manifest may recommend settings for a handful of examples, by
// method: {"few_shot": {"z": {"router_lr": 0.5}}}. They stand in place of
// Defaults where a person has set nothing.

// newer is the next step where a manifest knows more than this program.
const newer = "take it out of the inventory's manifest.json, or get a newer version of this program"

// checkFewShot refuses settings that are unknown, not of their method, or out
// of range: what is passed over would train otherwise than the inventory says.
func checkFewShot(m *skill.Manifest) error {
	const op = "manifest.json"
	if m == nil {
		return nil
	}
	for _, method := range slices.Sorted(maps.Keys(m.FewShot)) {
		if !fromSkills(method) {
			return fault.Unsupportedf(op, "few_shot has settings of method %.40q, want z, mu or mhr", method).Next(newer)
		}
		o := Defaults(method)
		for _, name := range slices.Sorted(maps.Keys(m.FewShot[method])) {
			value := m.FewShot[method][name]
			i := slices.IndexFunc(settings, func(s setting) bool { return s.name() == name && s.of(method) })
			if i < 0 || name == "seed" {
				return fault.Unsupportedf(op, "few_shot of %s has no setting %.40q", method, name).Next(newer)
			}
			if err := o.Set(settings[i].flag, value); err != nil {
				return fault.Inputf(op, "few_shot of %s: got %.40s for %s, want a value that --%s takes", method, value, name, settings[i].flag).Next("correct the inventory's manifest.json")
			}
		}
		if err := o.Check(); err != nil {
			return fault.Inputf(op, "few_shot of %s: %w", method, err).Next("correct the inventory's manifest.json")
		}
	}
	return nil
}

// fewShotInfo is few_shot as Info has it: with the options' names.
func fewShotInfo(m *skill.Manifest) map[string]map[string]any {
	if len(m.FewShot) == 0 {
		return nil
	}
	out := map[string]map[string]any{}
	for method, values := range m.FewShot {
		out[method] = map[string]any{}
		for name, value := range values {
			var v any
			if json.Unmarshal(value, &v) == nil {
				out[method][camel(flagOf(name))] = v
			}
		}
	}
	return out
}

// fewShot are the open inventory's settings for a method.
func (e *Engine) fewShot(method string) map[string]json.RawMessage {
	if e.inv == nil || e.inv.Manifest == nil {
		return nil
	}
	return e.inv.Manifest.FewShot[method]
}

// Defaults are a method's settings with the open inventory's above them.
func (e *Engine) Defaults(method string) AdaptOptions {
	o := Defaults(method)
	e.Recommend(&o, func(string) bool { return false })
	return o
}

// Recommend puts the open inventory's settings for o.Method into o, but for
// those that were given; given is asked by their flags' names.
func (e *Engine) Recommend(o *AdaptOptions, given func(flag string) bool) {
	for name, value := range e.fewShot(o.Method) {
		if flag := flagOf(name); !given(flag) {
			_ = o.Set(flag, value) // checked when it was opened
		}
	}
}

// recommended lists the settings in which o is as the inventory says.
func (e *Engine) recommended(o AdaptOptions) (out []string) {
	few := e.fewShot(o.Method)
	for _, s := range settings {
		value, ok := few[s.name()]
		if same := o; ok && same.Set(s.flag, value) == nil && reflect.DeepEqual(same, o) {
			out = append(out, s.flag+" "+strings.Trim(string(value), `"`))
		}
	}
	return out
}
