// Package share writes a fine-tune down: as a code that is short enough for a
// link, or as a .handful file.
//
// It holds what was learned and what that stands on by name and hash, never
// the base or the skills themselves. MHR-z learns a mixture of skills, which a
// code tells in whole Nths; every other method goes as its tensors, in a file.
package share

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"handful/core/device"
	"handful/core/fault"
)

const op = "link"

// Weights names a file of weights.
type Weights struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of the file, in hex; of several that of the lines "SHA256  NAME"
}

// Is tells that both are the same file, whatever it is called.
func (w Weights) Is(o Weights) bool { return w.SHA256 != "" && strings.EqualFold(w.SHA256, o.SHA256) }

// Card says what a fine-tune is and what it stands on.
type Card struct {
	Name        string                     `json:"name,omitempty"`
	Made        string                     `json:"made,omitempty"` // RFC 3339
	Method      string                     `json:"method"`
	Base        Weights                    `json:"base"`
	Inventory   *Weights                   `json:"inventory,omitempty"`
	Instruction string                     `json:"instruction,omitempty"`
	Options     []string                   `json:"options,omitempty"`  // that stood in every prompt
	Settings    map[string]json.RawMessage `json:"settings,omitempty"` // as in routing.json
	Start       []Start                    `json:"start,omitempty"`
	Scores      []Score                    `json:"scores,omitempty"`
	Examples    string                     `json:"examples,omitempty"` // only where a person wants it
	Held        string                     `json:"held,omitempty"`     // likewise
	Run         *Run                       `json:"run,omitempty"`      // not in a code

	// Of a mixture: w [sites, splits, skills] in Levels-ths.
	Sites  int `json:"sites,omitempty"`
	Splits int `json:"splits,omitempty"`
	Skills int `json:"skills,omitempty"`
	Levels int `json:"levels,omitempty"` // 0: there are tensors instead

	// Config is adapter_config.json of the tensors; none with z's routers, which
	// are named as in a POLY file.
	Config json.RawMessage `json:"config,omitempty"`
}

// Score is a line of the score table without its rows, which are examples.
type Score struct {
	Name     string   `json:"name"`
	N        int      `json:"n"`
	Accuracy float64  `json:"accuracy"`
	Balanced float64  `json:"balanced"`
	Exact    *float64 `json:"exact,omitempty"`
	RougeL   *float64 `json:"rougeL,omitempty"`
	Loss     float64  `json:"loss"`
	Classes  int      `json:"classes,omitempty"` // labels chosen from; 0: none
}

// Start is a training task that routing started from.
type Start struct {
	Task string  `json:"task"`
	Loss float64 `json:"loss"`
}

// Run is how training went.
type Run struct {
	Device      device.Info `json:"device"`
	Dispatches  int         `json:"dispatches"`
	Trainable   int         `json:"trainable"`
	Stopped     bool        `json:"stopped,omitempty"`
	Kept        int         `json:"kept,omitempty"` // the step whose state it is
	Recommended []string    `json:"recommended,omitempty"`
	Steps       []Step      `json:"steps"`
}

// Step is a line of train.jsonl.
type Step struct {
	Loss float64  `json:"loss"`
	LR   float64  `json:"lr"`
	Norm float64  `json:"norm"`
	MS   float64  `json:"ms"`
	Held *float64 `json:"held,omitempty"` // loss of held-out rows after it
}

// Adapter is a card with what was learned: a mixture or tensors.
type Adapter struct {
	Card
	Mixture []float32 // w [sites, splits, skills]; each head sums to 1
	Tensors []byte    // a safetensors file
}

const (
	mostName  = 120     // characters
	mostText  = 1 << 20 // bytes of an instruction or option
	mostList  = 1 << 16 // options, scores and the like
	mostCount = 1 << 22 // weights of a mixture
)

// check refuses a card that no fine-tune has.
func (c *Card) check() error {
	bad := func(format string, args ...any) error { return fault.Inputf(op, format, args...).Next(again) }
	c.Name = Name(c.Name)
	switch {
	case c.Method == "" || len(c.Method) > 16:
		return bad("method %.20q, want z, mu, lora or ia3", c.Method)
	case len(c.Instruction) > mostText || len(c.Options) > mostList || len(c.Scores) > mostList || len(c.Start) > mostList:
		return bad("texts and lists beyond any that training takes")
	}
	for _, w := range []*Weights{&c.Base, c.Inventory} {
		if w == nil {
			continue
		}
		if w.Name = Name(w.Name); !isSHA256(w.SHA256) {
			return bad("%.70q for the sha256 of %.60q", w.SHA256, w.Name)
		}
	}
	return c.checkShape(bad)
}

func (c *Card) checkShape(bad func(string, ...any) error) error {
	switch {
	case c.Levels == 0:
		return nil
	case c.Levels < 1 || c.Levels > MostLevels:
		return bad("weights in %dths, want at most %d", c.Levels, MostLevels)
	case c.Sites < 1 || c.Splits < 1 || c.Skills < 1 || c.Sites > mostCount || c.Splits > mostCount || c.Skills > mostCount,
		c.Sites*c.Splits > mostCount || c.Sites*c.Splits*c.Skills > mostCount:
		return bad("%d sites × %d heads × %d skills, want at most %d weights", c.Sites, c.Splits, c.Skills, mostCount)
	}
	return nil
}

// Name makes a line of text of a name: no control characters, no white space
// but single spaces, not longer than a line.
func Name(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == utf8.RuneError }), " ")
	for i := range s {
		if utf8.RuneCountInString(s[:i]) == mostName {
			return s[:i]
		}
	}
	return s
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
