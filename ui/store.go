package ui

import (
	"fmt"
	"slices"

	"handful/core/fault"
)

// storage is what the page keeps in this browser, and the room there is.
type storage struct {
	Why       string     `json:"why"` // why nothing can be kept, as a phrase
	Files     []keptFile `json:"files"`
	Usage     int64      `json:"usage"` // of the whole origin, in bytes
	Quota     int64      `json:"quota"`
	Persisted bool       `json:"persisted"` // the browser throws out nothing by itself
}

// keptFile is a file that was downloaded, or a part of one.
type keptFile struct {
	SHA256 string `json:"sha256"`
	Name   string `json:"name"`
	Of     string `json:"of"` // the model or the skills that it is a part of
	Bytes  int64  `json:"bytes"`
	Size   int64  `json:"size"` // what is there of Bytes
	Whole  bool   `json:"whole"`
}

type storeState struct {
	storage
	looked bool
	off    bool // the person wants nothing kept
}

// keptModel is what is kept of one model or one set of skills.
type keptModel struct {
	name        string
	size, bytes int64
	whole       bool
	sums        []string
}

// models are what is kept, by name.
func (s *storeState) models() (out []keptModel) {
	for _, f := range s.Files {
		name := f.Of
		if name == "" {
			name = f.Name
		}
		i := slices.IndexFunc(out, func(m keptModel) bool { return m.name == name })
		if i < 0 {
			i = len(out)
			out = append(out, keptModel{name: name, whole: true})
		}
		m := &out[i]
		m.size, m.bytes, m.whole = m.size+f.Size, m.bytes+f.Bytes, m.whole && f.Whole
		m.sums = append(m.sums, f.SHA256)
	}
	return out
}

// of is what is kept of a model or a set of skills.
func (s *storeState) of(name string) (kept keptModel) {
	for _, m := range s.models() {
		if m.name == name {
			return m
		}
	}
	return kept
}

// has tells that all of it, so many bytes, is kept.
func (s *storeState) has(name string, bytes int64) bool {
	m := s.of(name)
	return m.whole && m.size == bytes
}

// hasModel tells that all of a served model is kept, by its sums.
func (s *storeState) hasModel(m *servedModel) bool {
	sums := m.sums()
	for _, sum := range sums {
		if !slices.ContainsFunc(s.Files, func(f keptFile) bool { return f.SHA256 == sum && f.Whole }) {
			return false
		}
	}
	return len(sums) > 0
}

// keeps tells that downloads are kept.
func (s *storeState) keeps() bool { return s.looked && s.Why == "" && !s.off }

// keptOf is how many bytes of what is chosen need not be fetched.
func (a *App) keptOf() (n int64) {
	if s := a.model.servedBase(); s != nil {
		sums := s.sums()
		for _, f := range a.store.Files {
			if slices.Contains(sums, f.SHA256) {
				n += f.Size
			}
		}
	}
	if v := a.model.servedSkills(); v != nil {
		n += a.store.of(v.Name).size
	}
	return n
}

// text is what is there of a model.
func (m keptModel) text() string {
	if m.whole {
		return bytesText(m.size)
	}
	return bytesText(m.size) + " of " + bytesText(m.bytes) + ", not whole: load it to go on"
}

// summary is the fold's line.
func (s *storeState) summary() string {
	n, size := s.models(), int64(0)
	for _, m := range n {
		size += m.size
	}
	switch {
	case s.Why != "":
		return "nothing can be kept"
	case len(n) == 0:
		return "no models yet"
	}
	return fmt.Sprintf("%d, %s", len(n), bytesText(size))
}

// roomText says how much room there is.
func (s *storeState) roomText() string {
	if s.Why != "" {
		return "Models are fetched anew at every visit: " + clip(s.Why, 200) + "."
	}
	out := bytesText(s.Usage) + " of " + bytesText(s.Quota) + " in use by this site. "
	if s.Persisted {
		return out + "The browser removes none of it by itself."
	}
	return out + "The browser may remove it when it runs out of room, or after weeks without a visit."
}

// lookAtStore sees anew what is kept. After the first download that was kept
// the browser is asked not to throw it out.
func (a *App) lookAtStore(ask bool) {
	now := a.page.Stored()
	if ask && !now.Persisted {
		a.page.Persist()
		now = a.page.Stored()
	}
	a.page.Update(func() { a.store.storage, a.store.looked = now, true })
}

// Protect asks the browser to throw out nothing by itself.
func (a *App) Protect() { go a.lookAtStore(true) }

// KeepModels says whether what is downloaded from now on is kept.
func (a *App) KeepModels(on bool) { a.store.off = !on }

// Forget removes what is kept of a model.
func (a *App) Forget(m keptModel) {
	go func() {
		var err error
		for _, sum := range m.sums {
			if err == nil {
				err = a.page.Drop(sum)
			}
		}
		a.lookAtStore(false)
		a.page.Update(func() {
			if err != nil {
				a.show("storage", fault.Inputf("storage", "%s: %w", clip(m.name, 80), err).Next("open another model, or close the other tabs of this page, and try again"))
				return
			}
			a.say(m.name + " is removed from this browser")
		})
	}()
}

// kept tells that something is in the browser's storage.
func (i *info) kept() bool {
	return slices.ContainsFunc(i.Files, func(f gotten) bool { return f.Kept })
}

// origins say where the files of the base or the inventory were gotten; none
// for a person's own files.
func (i *info) origins(of string) []string {
	var network, stored, kept, page bool
	why := ""
	for _, f := range i.Files {
		if f.Of != of {
			continue
		}
		network, stored, page = network || f.From == "network", stored || f.From == "storage", page || f.From == "page"
		kept = kept || f.From == "network" && f.Kept
		if f.Why != "" {
			why = f.Why
		}
	}
	switch {
	case network && why != "":
		return []string{"from the network, not kept: " + clip(why, 200)}
	case network && kept:
		return []string{"from the network, kept in this browser"}
	case network:
		return []string{"from the network"}
	case stored:
		return []string{"from this browser"}
	case page:
		return []string{"part of this page"}
	}
	return nil
}
