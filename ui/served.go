package ui

import (
	"context"
	"encoding/json"
	"path"
	"strings"
)

// servedModel is a base that the page's own server offers: an entry of
// models/manifest.json, or the one that the page brings along. File lies
// beside the manifest; one that ends with "/" is a Hugging Face folder.
type servedModel struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	File    string `json:"file"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"` // of the file; of a folder, of its weights
	Licence string `json:"licence"`

	Files map[string]knownFile `json:"files"` // of a folder, by name

	says string // what to expect of it
}

// knownFile is what a file of a folder must be.
type knownFile struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

const manifestPath = "models/manifest.json"

// pocket is the model that is always there. Bytes are those of its files.
var pocket = servedModel{ID: "pocket", Name: "Pocket", File: "../pocket/base/", Bytes: 1_585_877, SHA256: "5a7d2130d3bc67ee1add7a2d763bab51e0ba855d7e37a4853058947ce9f6efc4", Licence: "Apache-2.0; its data WordNet, MIT, Unicode-3.0",
	says: "Learns in seconds on any machine. 0.8 M parameters that know letters, word forms, short lists and small numbers, not the world."}

// inventory is a set of skills that comes with the page.
type inventory struct {
	ID, Name, URL string
	Bytes         int64
	Like          string // is in the names of the bases that it was made for, in small letters
	SHA256        string // of its weights
}

var inventories = []inventory{
	{"smollm2-135m-mhr", "Skills of 138 tasks, for SmolLM2-135M", "inventory/smollm2-135m-mhr/", 22_668_820, "smollm2-135m", "87cdce4b42138ffa565e11583755961231a14c32cd7446a9a92582a6dde75516"},
	{"pocket-mhr", "Pocket's skills", "pocket/inventory/", 2_003_708, "pocket", "d80b000baff0bde4724534447381b9cc72c33e5b0e09a42135a9f8d831e7ef80"},
}

// made tells that the skills were made for a base of one of these names.
func (v inventory) made(names ...string) bool {
	for _, n := range names {
		if strings.Contains(strings.ToLower(n), v.Like) {
			return true
		}
	}
	return false
}

// sums are those of its files, as far as they are known: what has none is not
// kept.
func (s *servedModel) sums() (out []string) {
	if s.SHA256 != "" && !strings.HasSuffix(s.File, "/") {
		out = append(out, s.SHA256)
	}
	for _, f := range s.Files {
		out = append(out, f.SHA256)
	}
	return out
}

// source is a served model as the engine takes it. Of a folder the engine knows
// the files.
func (s *servedModel) source(absolute func(string) string) source {
	address := path.Join(path.Dir(manifestPath), s.File)
	if strings.HasSuffix(s.File, "/") {
		return source{URL: absolute(address + "/"), Of: s.title(), Files: s.Files}
	}
	return source{URL: absolute(address), Name: path.Base(s.File), SHA256: s.SHA256, Size: s.Bytes, Of: s.title()}
}

// title is what the model is called.
func (s *servedModel) title() string {
	if s.Name == "" {
		return s.ID
	}
	return s.Name
}

// findModels asks the server what it offers. Its first model is chosen, where
// the person has not chosen yet.
func (a *App) findModels(ctx context.Context) {
	raw, err := a.page.Get(ctx, manifestPath)
	var list []servedModel
	if err == nil && json.Unmarshal(raw, &list) != nil {
		list = nil
	}
	a.page.Update(func() {
		m := &a.model
		m.looked, m.served = true, nil
		for _, s := range list {
			if s.ID != "" && s.ID != ownFiles && s.ID != pocket.ID && s.File != "" {
				m.served = append(m.served, s)
			}
		}
		m.served = append(m.served, pocket)
		if !m.picked {
			m.pick(m.served[0].ID)
		}
	})
}

// servedBase is the chosen model of the server, or nil.
func (m *modelState) servedBase() *servedModel {
	for i := range m.served {
		if m.served[i].ID == m.base {
			return &m.served[i]
		}
	}
	return nil
}

func (s *servedModel) names() []string { return []string{s.ID, s.Name, path.Base(s.File)} }

// names are what the chosen base is called.
func (m *modelState) names() (out []string) {
	if s := m.servedBase(); s != nil {
		return s.names()
	}
	for _, f := range m.baseFiles {
		out = append(out, f.name)
	}
	return out
}

// skills are the page's inventories that may go with the chosen base. Of a
// person's own files the names tell little, so all are offered.
func (m *modelState) skills() (out []inventory) {
	for _, v := range inventories {
		if m.base == ownFiles || v.made(m.names()...) {
			out = append(out, v)
		}
	}
	return out
}

// servedSkills is the chosen inventory of the page, or nil.
func (m *modelState) servedSkills() *inventory {
	for _, v := range m.skills() {
		if v.ID == m.inventory {
			return &v
		}
	}
	return nil
}

// pick chooses a base, with skills that were made for it: the person's own
// where the base is theirs too, else the page's, else none.
func (m *modelState) pick(base string) {
	m.base = base
	if m.inventory = noInventory; base == ownFiles && len(m.invFiles) > 0 {
		m.inventory = ownFiles
		return
	}
	for _, v := range m.skills() {
		if v.made(m.names()...) {
			m.inventory = v.ID
		}
	}
}

// label is a served model's line in the list, with what choosing it costs.
func (a *App) label(s servedModel) string {
	n, with := s.Bytes, ""
	kept := a.store.hasModel(&s)
	for _, v := range inventories {
		if v.made(s.names()...) {
			n, with = n+v.Bytes, " with skills"
			kept = kept && a.store.has(v.Name, v.Bytes)
		}
	}
	if kept {
		return clip(s.title(), 80) + ", kept here"
	}
	return clip(s.title(), 80) + ", " + bytesText(n) + with
}

// size is what opening the choice takes, in bytes.
func (m *modelState) size() (n int64) {
	own := func(files []file) {
		for _, f := range files {
			n += f.size
		}
	}
	if s := m.servedBase(); s != nil {
		n += s.Bytes
	} else {
		own(m.baseFiles)
	}
	if v := m.servedSkills(); v != nil {
		n += v.Bytes
	} else if m.inventory == ownFiles {
		own(m.invFiles)
	}
	return n
}

// about says what the chosen base is and where it comes from, until it is open
// and tells by itself; "" for a person's own files.
func (a *App) about() string {
	m := &a.model
	s := m.servedBase()
	if s == nil || m.open() {
		return ""
	}
	out := "Comes from this page's own server and stays in this tab."
	switch {
	case a.store.hasModel(s):
		out = "Kept in this browser: it opens without a network."
	case a.store.keeps() && len(s.sums()) > 0:
		out = "Comes from this page's own server, and is kept in this browser for the next visit."
	}
	if s.ID == pocket.ID {
		out = s.says + " Part of this page: nothing is fetched from elsewhere, nothing is uploaded."
	}
	if s.Licence != "" {
		out += " Licence " + clip(s.Licence, 60) + "."
	}
	return out
}
