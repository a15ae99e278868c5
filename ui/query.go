package ui

import (
	"context"
	"slices"
	"strings"

	"handful/core/fault"
)

// The page's address holds the choices and settings that are not the default,
// as ?model=pocket&method=z&steps=20: whoever opens it, or comes back, has them
// again. Examples are never in it, and what is shared lies behind # instead.

// pair is a name and value of the address.
type pair struct{ Key, Value string }

// readQuery takes what the address gives. What is not understood changes
// nothing and is told in one line.
func (a *App) readQuery(query []pair) {
	var junk []string
	for _, p := range query {
		if why := a.readPair(p); why != "" {
			junk = append(junk, clip(p.Key, 30)+"="+clip(p.Value, 30)+" ("+why+")")
		}
	}
	if len(junk) > 0 {
		a.fault = fault.Inputf("address", "left out %s", clip(strings.Join(junk, ", "), 300)).Next("all else in it counts")
	}
}

// readPair takes one setting, or says why not.
func (a *App) readPair(p pair) string {
	switch p.Key {
	case "method":
		if !slices.ContainsFunc(methods, func(m method) bool { return m.ID == p.Value }) {
			return "want z, mu or lora"
		}
		a.settings.method = p.Value
		return ""
	case "device":
		for _, d := range devices {
			if d.id == p.Value {
				a.model.device = p.Value
				return ""
			}
		}
		return "want auto, cpu or gpu"
	case "keep":
		for _, k := range keeps {
			if k.ID == p.Value {
				a.settings.keep, a.folds["settings"] = k.ID, true
				return ""
			}
		}
		return "want last or best"
	case "model": // the server's list comes later
		a.model.wanted = p.Value
		return ""
	case "skills":
		a.model.wantedSkills = p.Value
		return ""
	}
	for _, x := range settingTable {
		if x.Key != p.Key {
			continue
		}
		if _, ok := x.number(p.Value); !ok {
			return strings.ToLower(x.Wrong[:1]) + strings.TrimSuffix(x.Wrong[1:], ".")
		}
		a.settings.typed[x.Key], a.settings.began[x.Key] = p.Value, p.Value
		if x.Key != "steps" {
			a.folds["settings"] = true // where it is to be seen
		}
		return ""
	}
	return "no such setting"
}

// wish chooses the model and skills that the address names, among those that
// there are.
func (a *App) wish() {
	m := &a.model
	base, skills := m.wanted, m.wantedSkills
	m.wanted, m.wantedSkills = "", ""
	var junk []pair
	if base != "" && !m.picked {
		if slices.ContainsFunc(m.served, func(s servedModel) bool { return s.ID == base }) {
			m.picked = true
			m.pick(base)
		} else {
			junk = append(junk, pair{"model", base})
		}
	}
	switch {
	case skills == "":
	case skills == noInventory || slices.ContainsFunc(m.skills(), func(v inventory) bool { return v.ID == skills }):
		m.inventory = skills
	default:
		junk = append(junk, pair{"skills", skills})
	}
	for _, p := range junk {
		a.fault = fault.Inputf("address", "left out %s=%s (it is not offered here)", p.Key, clip(p.Value, 60)).Next("choose one in step 1")
	}
	a.queried = true
}

// query is what was chosen, and is not the default.
func (a *App) query() (out []pair) {
	m := &a.model
	if m.base != ownFiles && m.picked { // what comes first hangs on the server
		out = append(out, pair{"model", m.base})
	}
	if m.base != ownFiles {
		usual := *m
		if usual.pick(m.base); m.inventory != usual.inventory && m.inventory != ownFiles {
			out = append(out, pair{"skills", m.inventory})
		}
	}
	if m.device != devices[0].id {
		out = append(out, pair{"device", m.device})
	}
	if a.settings.method != methods[0].ID {
		out = append(out, pair{"method", a.settings.method})
	}
	if a.settings.keep != keeps[0].ID {
		out = append(out, pair{"keep", a.settings.keep})
	}
	for _, x := range settingTable {
		if text := a.settings.typed[x.Key]; text != "" {
			if _, ok := x.number(text); ok {
				out = append(out, pair{x.Key, text})
			}
		}
	}
	return out
}

// writeQuery brings the address up to date, once it has been read.
func (a *App) writeQuery() {
	if a.queried {
		a.page.SetQuery(a.query())
	}
}

// beginModels reads the address and looks for the server's models.
func (a *App) beginModels() {
	a.page.Update(func() { a.readQuery(a.page.Query()) })
	a.findModels(context.Background())
	a.page.Update(a.wish)
}
