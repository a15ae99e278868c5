package ui

import (
	"math"
	"strconv"
	"strings"
)

// method is a way to adapt.
type method struct {
	ID, Name, Says string
	Short          string
	LR             float64 // default
	Router         bool    // its rate is that of the routing
	Skills         bool    // starts from an inventory
}

// methods in the order in which they are offered, the safe choice first.
var methods = []method{
	{"mu", "MHR-µ: train the average skill", "Averages all skills into one adapter and trains that. Learns the most from a handful of examples.", "MHR-µ", 3e-3, false, true},
	{"z", "MHR-z: train the mixture only", "Leaves every skill as it is and learns only how much of each to use, layer by layer: a few kilobytes.", "MHR-z", .1, true, true},
	{"lora", "LoRA: start from nothing", "Trains a new adapter without any skills. Take it to see what the skills are worth.", "LoRA", 1e-2, false, false},
}

// The engine's defaults that the page shows.
const (
	defaultSteps   = 40
	defaultBatch   = 8
	defaultHoldout = 25 // percent of the examples, where there are no test rows
	fewestRows     = 4  // below it nothing is held out
)

// setting is a number that a person may give. This one table makes the form,
// its help, the checks and the page's address (query.go).
type setting struct {
	Key       string // in the page's address and in Set
	ID        string // of its field
	Label     string
	Help      string
	Low, High float64
	Whole     bool
	Wrong     string // what its field says of another value
}

var settingTable = []setting{
	{"steps", "steps", "Steps", "Updates of what is trained.", 1, 100_000, true, "Steps must be a whole number from 1 to 100,000."},
	{"lr", "rate", "Learning rate", "How far an update goes.", math.SmallestNonzeroFloat64, 100, false, "The learning rate must be a number above 0."},
	{"batch", "batch", "Batch", "Rows in an update.", 1, 1024, true, "Batch must be a whole number from 1 to 1,024."},
	{"seed", "seed", "Seed", "Draws the order of the rows and the start.", 0, math.MaxInt32, true, "Seed must be a whole number, 0 or more."},
	{"held", "apart", "Held out, %", "Examples kept to score on, where there are no test rows.", 0, 90, true, "Held out must be a whole percentage from 0 to 90."},
}

// number reads what was typed.
func (x *setting) number(text string) (v float64, ok bool) {
	v, err := strconv.ParseFloat(text, 64)
	if x.Whole {
		var n int
		n, err = strconv.Atoi(text)
		v = float64(n)
	}
	return v, err == nil && v >= x.Low && v <= x.High
}

// step is the field's: what its arrows add.
func (x setting) step() string {
	if x.Whole {
		return "1"
	}
	return "any"
}

// keeps are what may be kept of a run, the usual one first.
var keeps = []struct{ ID, Name string }{{"last", "The last step"}, {"best", "The best step on held-out rows"}}

type settingsState struct {
	method string
	keep   string            // of keeps
	typed  map[string]string // by Key; what is missing has its default
	began  map[string]string // what the page's address gave
}

func newSettings() settingsState {
	return settingsState{method: methods[0].ID, keep: keeps[0].ID, typed: map[string]string{}, began: map[string]string{}}
}

func (s *settingsState) chosen() method {
	for _, m := range methods {
		if m.ID == s.method {
			return m
		}
	}
	return methods[0]
}

// PickMethod chooses how to adapt.
func (a *App) PickMethod(id string) {
	a.settings.method = id
	a.writeQuery()
}

// PickKeep chooses what is kept of a run.
func (a *App) PickKeep(id string) {
	a.settings.keep = id
	a.writeQuery()
}

// Set takes a setting as it is typed.
func (a *App) Set(key, value string) {
	if value = strings.TrimSpace(value); value == "" {
		delete(a.settings.typed, key)
	} else {
		a.settings.typed[key] = value
	}
	a.writeQuery()
}

// options reads the settings. wrong says what is wrong with one.
func (s *settingsState) options() (o adaptOptions, wrong string) {
	m := s.chosen()
	o.Method = m.ID
	if s.keep != keeps[0].ID {
		o.Keep = s.keep
	}
	o.Truncate = true // what is cut is shown
	o.Holdout = defaultHoldout / 100.
	for _, x := range settingTable {
		text, given := s.typed[x.Key]
		if !given {
			continue
		}
		v, ok := x.number(text)
		if !ok {
			return o, x.Wrong
		}
		switch x.Key {
		case "steps":
			o.Steps = int(v)
		case "batch":
			o.Batch = int(v)
		case "seed":
			o.Seed = uint64(v)
		case "held":
			o.Holdout = v / 100
		case "lr":
			if m.Router {
				o.RouterLR = v
			} else {
				o.LR = v
			}
		}
	}
	return o, ""
}

// placeholder is what a setting is where nothing is typed.
func (a *App) placeholder(x setting) string {
	switch x.Key {
	case "steps":
		return strconv.Itoa(a.normalSteps())
	case "lr":
		return a.normalRate()
	case "batch":
		return strconv.Itoa(a.normalBatch())
	case "held":
		return strconv.Itoa(defaultHoldout)
	}
	return "0"
}

// normal is an option's value where nothing is typed: what the open skills
// recommend, else the engine's default.
func (a *App) normal(option string, otherwise float64) float64 {
	if a.model.open() && a.model.info.Inventory != nil {
		if v, ok := a.model.info.Inventory.FewShot[a.settings.method][option].(float64); ok {
			return v
		}
	}
	return otherwise
}

func (a *App) normalSteps() int { return int(a.normal("steps", defaultSteps)) }

func (a *App) normalBatch() int { return int(a.normal("batch", defaultBatch)) }

// normalRate is that of the chosen method, as text. Skills that are not open
// yet may recommend another.
func (a *App) normalRate() string {
	m := a.settings.chosen()
	if m.Skills && !a.model.open() {
		return "auto"
	}
	option := "lr"
	if m.Router {
		option = "routerLr"
	}
	return strconv.FormatFloat(a.normal(option, m.LR), 'g', -1, 64)
}
