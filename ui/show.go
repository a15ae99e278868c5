package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// devices are the choices of what to compute on.
var devices = []struct{ id, name string }{{"auto", "Auto"}, {"cpu", "CPU"}, {"gpu", "GPU"}}

// sentence makes a sentence of a phrase.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(r)) + s[n:]
	if !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}

func joined(facts []string) string { return strings.Join(facts, " · ") }

// hiddenUnless keeps an element on the page, where Vugu finds it again, and
// out of sight.
func hiddenUnless(shown bool, class string) string {
	if shown {
		return class
	}
	return "gone"
}

func bestClass(best bool) string {
	if best {
		return "best"
	}
	return ""
}

func rightClass(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}

// mark tells right from wrong without colour.
func mark(right bool) string {
	if right {
		return "✓"
	}
	return "✗"
}

// ownLabel names what the person brought.
func ownLabel(label string, files []file) string {
	if len(files) == 0 {
		return label
	}
	return label + ": " + clip(files[0].name, 40) + moreFiles(len(files)-1)
}

func moreFiles(n int) string {
	if n == 0 {
		return ""
	}
	return " and " + plural(n, "file")
}

// name is that of the open model: the server's where it gave one.
func (m *modelState) name() string {
	if s := m.servedBase(); s != nil && s.Name != "" && m.open() {
		return clip(s.Name, 80)
	}
	return clip(m.info.Model, 80)
}

// dropClass shows where to drop while there is nothing else to choose.
func (m *modelState) dropClass() string {
	if m.looked && !m.chosen() {
		return "wanted"
	}
	return ""
}

// lookingAtFiles stands while the engine tells a base's files from skills.
const lookingAtFiles = "Looking at the files …"

// loadLabel says what opening will fetch.
func (a *App) loadLabel() string {
	m := &a.model
	switch n := m.size() - a.keptOf(); {
	case m.sorting > 0:
		return lookingAtFiles
	case m.open():
		return "Loaded"
	case n <= 0 || !m.chosen():
		return "Load"
	default:
		return "Load, " + bytesText(n)
	}
}

// planText says what is trained on what.
func (r *runState) planText() string {
	p := r.plan
	if p == nil {
		return ""
	}
	s := plural(p.Train, "row") + " to learn from, "
	if p.Held == 0 {
		s += "none held out: there will be no score. "
	} else {
		s += plural(p.Held, "row") + " held out. "
	}
	s += countText(int64(p.Trainable)) + " parameters in training, " + bytesText(p.Arena) + " of working memory."
	if len(p.Recommended) > 0 {
		s += " As these skills recommend: " + clip(strings.ReplaceAll(strings.Join(p.Recommended, ", "), "router-lr", "learning rate"), 200) + "."
	}
	return s
}

// shown is an answer as far as it has come.
func (x answer) shown() string {
	switch {
	case x.text == "" && x.done:
		return "(nothing: it ended at once)"
	case x.text == "":
		return "…"
	}
	return clip(strings.TrimSpace(x.text), 4000)
}

// pressed is a button's state as ARIA has it.
func pressed(on bool) string {
	if on {
		return "true"
	}
	return "false"
}
