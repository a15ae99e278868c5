//go:build !js

package ui

import (
	"slices"
	"strings"
	"testing"
)

// asked is a page whose address has a query.
func asked(t *testing.T, query ...pair) (*App, *fakePage) {
	t.Helper()
	p := &fakePage{files: map[string]string{manifestPath: someManifest}, texts: map[string]string{}, saved: map[string][]string{}, runs: map[string]fakeRun{}, query: query}
	f := &fakeEngine{}
	a := NewApp(p, newFakeStore(), f.dial)
	a.Start()
	wait(t, a, "the address", func() bool { return a.queried })
	return a, p
}

func TestQuery(t *testing.T) {
	full := []pair{{"model", "pocket"}, {"skills", "none"}, {"device", "cpu"}, {"method", "lora"}, {"keep", "best"}, {"steps", "7"}, {"lr", "0.5"}, {"batch", "4"}, {"seed", "9"}, {"held", "30"}}
	a, _ := asked(t, full...)
	do(a, func() {
		o, wrong := a.settings.options()
		if a.fault != nil || wrong != "" || a.model.base != "pocket" || a.model.inventory != noInventory || a.model.device != "cpu" {
			t.Errorf("got the fault %v, %q, the model %+v", a.fault, wrong, a.model)
		}
		if want := (adaptOptions{Method: "lora", Steps: 7, LR: .5, Batch: 4, Seed: 9, Holdout: .3, Keep: "best", Truncate: true}); o != want {
			t.Errorf("got %+v, want %+v", o, want)
		}
		if got := a.query(); !slices.Equal(got, full) {
			t.Errorf("written again it is %v", got)
		}
	})
	html := render(t, a)
	for _, want := range []string{`value="7"`, `value="0.5"`, `value="30"`} {
		if !strings.Contains(html, want) {
			t.Errorf("no field shows %s", want)
		}
	}
}

func TestQueryFollowsTheForm(t *testing.T) {
	a, p := asked(t)
	do(a, func() {
		if len(p.query) != 0 || a.fault != nil {
			t.Errorf("a plain address: got %v, %v", p.query, a.fault)
		}
		a.PickMethod("z")
		a.Set("steps", "12")
		a.Set("seed", "many") // wrong as yet
		a.PickBase("pocket")
		if want := []pair{{"model", "pocket"}, {"method", "z"}, {"steps", "12"}}; !slices.Equal(p.query, want) {
			t.Errorf("got %v, want %v", p.query, want)
		}
		a.PickMethod("mu")
		a.Set("steps", "")
		a.Set("seed", "")
		a.PickBase("tiny")
		if want := []pair{{"model", "tiny"}}; !slices.Equal(p.query, want) {
			t.Errorf("of the defaults: got %v", p.query)
		}
	})
}

// Junk changes nothing but for one line.
func TestJunkInTheQuery(t *testing.T) {
	for _, x := range []pair{{"steps", "abc"}, {"steps", "1e99"}, {"lr", "NaN"}, {"lr", "-1"}, {"method", "magic"}, {"device", "tpu"}, {"model", "javascript:alert(1)"},
		{"skills", "none-such"}, {"seed", strings.Repeat("9", 1<<16)}, {"", ""}, {"held", "\x00"}, {"<b>", "x"}} {
		a, _ := asked(t, x, pair{"batch", "3"})
		do(a, func() {
			o, wrong := a.settings.options()
			if want := (adaptOptions{Method: "mu", Batch: 3, Holdout: .25, Truncate: true}); o != want || wrong != "" || a.model.base != "tiny" || a.model.device != "auto" {
				t.Errorf("%.40v: got %+v, %q, base %q", x, o, wrong, a.model.base)
			}
			if a.fault == nil || strings.Contains(a.fault.Msg, "\n") || len(a.fault.Msg) > 400 || !strings.Contains(a.fault.Msg, "left out") || a.fault.Hint == "" {
				t.Errorf("%.40v: got the fault %v", x, a.fault)
			}
		})
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("steps", "7")
	f.Add("lr", "1e-3")
	f.Fuzz(func(t *testing.T, key, value string) {
		a := NewApp(&fakePage{}, newFakeStore(), nil)
		a.readQuery([]pair{{key, value}})
		if _, wrong := a.settings.options(); wrong != "" {
			t.Errorf("%q=%q was taken: %s", key, value, wrong)
		}
	})
}
