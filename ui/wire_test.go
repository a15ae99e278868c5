//go:build !js

package ui

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/engine"
	"handful/core/eval"
	"handful/core/share"
	"handful/core/task"
)

// fields lists a struct's fields by their name in JSON, those of embedded
// structs included.
func fields(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if name != "-" && f.IsExported() {
			out[name] = f.Type
		}
	}
	return out
}

// shape is a type as JSON sees it.
func shape(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return shape(t.Elem())
	case reflect.Slice:
		return "[]" + shape(t.Elem())
	case reflect.Map:
		return "{" + shape(t.Elem()) + "}"
	case reflect.Struct:
		return "object"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "whole"
	case reflect.Float32, reflect.Float64:
		return "number"
	}
	return t.Kind().String()
}

func TestWireMirrorsTheEngine(t *testing.T) {
	for _, x := range []struct{ mine, theirs any }{
		{deviceInfo{}, device.Info{}},
		{deviceOptions{}, device.Options{}},
		{invInfo{}, engine.InvInfo{}},
		{preview{}, engine.Preview{}},
		{cutRow{}, engine.CutRow{}},
		{previewRow{}, engine.PreviewRow{}},
		{columns{}, task.Columns{}},
		{similarTask{}, engine.SimilarTask{}},
		{interval{}, eval.Interval{}},
		{planEvent{}, engine.PlanEvent{}},
		{stepEvent{}, engine.StepEvent{}},
		{heldStep{}, engine.HeldStep{}},
		{lostEvent{}, engine.LostEvent{}},
		{routing{}, engine.Routing{}},
		{scoreRow{}, engine.ScoreRow{}},
		{prediction{}, engine.Prediction{}},
		{adaptOptions{}, engine.AdaptOptions{}},
		{sortedFiles{}, engine.Sorted{}},
		{weights{}, share.Weights{}},
		{card{}, share.Card{}},
	} {
		mine, theirs := fields(reflect.TypeOf(x.mine)), fields(reflect.TypeOf(x.theirs))
		for name, f := range mine {
			other, ok := theirs[name]
			if !ok {
				t.Errorf("%T has %q, %T has not", x.mine, name, x.theirs)
			} else if shape(f) != shape(other) {
				t.Errorf("%T.%s is %s, in %T it is %s", x.mine, name, shape(f), x.theirs, shape(other))
			}
		}
	}
	// These have fields of the Worker's own beside the engine's.
	for _, x := range []struct {
		mine, theirs any
		own          string
	}{
		{info{}, engine.Info{}, "files"},
		{progress{}, engine.Progress{}, "rate"},
		{fit{}, engine.Fit{}, "id"},
		{generateOptions{}, engine.GenerateOptions{}, "adapter"},
		{exportOptions{}, engine.ConvertOptions{}, "id"},
		{evaluateOptions{}, engine.EvalOptions{}, "examples adapter"},
		{shareOptions{}, engine.ShareOptions{}, "id"},
	} {
		theirs := fields(reflect.TypeOf(x.theirs))
		for name := range fields(reflect.TypeOf(x.mine)) {
			if _, ok := theirs[name]; !ok && !slices.Contains(strings.Fields(x.own), name) {
				t.Errorf("%T has %q, %T has not", x.mine, name, x.theirs)
			}
		}
	}
}

// TestExportFormats: the engine knows what the page offers.
func TestExportFormats(t *testing.T) {
	for _, f := range exportFormats {
		if f.id != "" && !slices.Contains(engine.Targets, f.id) {
			t.Errorf("the engine has no %q", f.id)
		}
	}
}

func TestDefaultsShown(t *testing.T) {
	for _, m := range methods {
		d := engine.Defaults(m.ID)
		lr := d.LR
		if m.Router {
			lr = d.RouterLR
		}
		if d.Steps != defaultSteps || d.Batch != defaultBatch || lr != m.LR {
			t.Errorf("%s: the page shows %d steps, batch %d, rate %g; the engine takes %d, %d, %g", m.ID, defaultSteps, defaultBatch, m.LR, d.Steps, d.Batch, lr)
		}
	}
}
