package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"handful/core/version"
)

// The parts of a bill of materials in CycloneDX 1.6's JSON that say what is
// shipped and under which licence.
type (
	bom struct {
		Format     string      `json:"bomFormat"`
		Spec       string      `json:"specVersion"`
		Version    int         `json:"version"`
		Metadata   metadata    `json:"metadata"`
		Components []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type     string     `json:"type"`
		Name     string     `json:"name"`
		Version  string     `json:"version,omitempty"`
		About    string     `json:"description,omitempty"`
		PURL     string     `json:"purl,omitempty"`
		Licences []licences `json:"licenses"`
	}
	licences struct {
		Licence struct {
			ID   string `json:"id,omitempty"` // SPDX's
			Name string `json:"name,omitempty"`
		} `json:"license"`
	}
)

func under(id string) []licences {
	var l licences
	if strings.Contains(id, " ") {
		l.Licence.Name = id
	} else {
		l.Licence.ID = id
	}
	return []licences{l}
}

// data is what is shipped besides modules; intro.md says more of it.
var data = []component{
	{Type: "machine-learning-model", Name: "pocket model and its skills", About: "assets/pocket", Licences: under("Apache-2.0")},
	{Type: "machine-learning-model", Name: "skills for SmolLM2-135M-Instruct", About: "assets/inventory", Licences: under("Apache-2.0")},
	{Type: "data", Name: "SMS Spam Collection (excerpt)", About: "assets/samples", Licences: under("CC-BY-4.0")},
	{Type: "data", Name: "WordNet (excerpts)", About: "assets/samples", Licences: under("WordNet licence, see THIRD_PARTY.md")},
	{Type: "data", Name: "word forms of lemminflect (excerpts)", About: "assets/samples", Licences: under("MIT")},
}

// sbom lists what the programs and the page hold.
func sbom(mods []module) ([]byte, error) {
	b := bom{Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{component{Type: "application", Name: "handful", Version: version.Number, Licences: under("Apache-2.0")}}}
	for _, m := range mods {
		c := component{Type: "library", Name: m.path, Version: m.version, PURL: "pkg:golang/" + m.path + "@" + m.version}
		if m.path == "Go" { // its standard library and runtime
			c.Version, c.PURL, c.About = goVersion(m.dir), "pkg:golang/std@"+goVersion(m.dir), m.version
		}
		files, err := m.notices()
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			return nil, err
		}
		c.Licences = under(strings.Replace(licence(text), "see below", "see THIRD_PARTY.md", 1))
		b.Components = append(b.Components, c)
	}
	b.Components = append(b.Components, data...)
	out, err := json.MarshalIndent(b, "", "  ")
	return append(out, '\n'), err
}

// goVersion is that of a GOROOT, without the "go" before it.
func goVersion(root string) string {
	b, _ := os.ReadFile(filepath.Join(root, "VERSION"))
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimPrefix(first, "go")
}
