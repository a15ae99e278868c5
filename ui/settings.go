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

type settingsState struct {
	method                          string
	steps, rate, batch, seed, apart string // as typed; "" is the default
}

func newSettings() settingsState { return settingsState{method: methods[0].ID} }

func (s *settingsState) chosen() method {
	for _, m := range methods {
		if m.ID == s.method {
			return m
		}
	}
	return methods[0]
}

// PickMethod chooses how to adapt.
func (a *App) PickMethod(id string) { a.settings.method = id }

// Set takes a setting as it is typed.
func (a *App) Set(name, value string) {
	s := &a.settings
	value = strings.TrimSpace(value)
	switch name {
	case "steps":
		s.steps = value
	case "rate":
		s.rate = value
	case "batch":
		s.batch = value
	case "seed":
		s.seed = value
	case "apart":
		s.apart = value
	}
}

// whole reads a whole number in a range; "" is normal.
func whole(text string, normal, low, high int) (int, bool) {
	if text == "" {
		return normal, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= low && n <= high
}

// options reads the settings. wrong says what is wrong with one.
func (s *settingsState) options() (o adaptOptions, wrong string) {
	m := s.chosen()
	o.Method = m.ID
	o.Truncate = true // what is cut is shown
	var ok bool
	if o.Steps, ok = whole(s.steps, 0, 1, 100_000); !ok {
		return o, "Steps must be a whole number from 1 to 100,000."
	}
	if o.Batch, ok = whole(s.batch, 0, 1, 1024); !ok {
		return o, "Batch must be a whole number from 1 to 1,024."
	}
	seed, ok := whole(s.seed, 0, 0, math.MaxInt32)
	if o.Seed = uint64(seed); !ok {
		return o, "Seed must be a whole number, 0 or more."
	}
	apart, ok := whole(s.apart, defaultHoldout, 0, 90)
	if o.Holdout = float64(apart) / 100; !ok {
		return o, "Held out must be a whole percentage from 0 to 90."
	}
	if s.rate != "" {
		v, err := strconv.ParseFloat(s.rate, 64)
		if err != nil || !(v > 0) || v > 100 {
			return o, "The learning rate must be a number above 0."
		}
		if m.Router {
			o.RouterLR = v
		} else {
			o.LR = v
		}
	}
	return o, ""
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
