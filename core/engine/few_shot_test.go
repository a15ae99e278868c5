package engine

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
)

// openFewShot opens the golden Llama with a manifest that has few_shot.
func openFewShot(t *testing.T, fewShot string) (*Engine, error) {
	t.Helper()
	var base format.Folder
	for _, f := range formattest.Folder(t, golden) {
		if !strings.Contains(f.Name, "/") {
			base = append(base, f)
		}
	}
	manifest := `{"name": "golden", "tasks": ["a", "b", "c"], "few_shot": ` + fewShot + `}`
	inv := append(formattest.Folder(t, golden+"/s4/adapter_init"), format.NamedBlob{Name: "manifest.json", Blob: format.BytesBlob([]byte(manifest))})
	e, err := Open(context.Background(), OpenOptions{Base: base, Inventory: inv, Device: device.Options{Kind: "cpu"}})
	if err == nil {
		t.Cleanup(func() { e.Close() })
	}
	return e, err
}

func TestRecommend(t *testing.T) {
	e, err := openFewShot(t, `{"z": {"router_lr": 0.5, "steps": 3, "router_init": "mean"}, "mu": {"lr": 0.002, "weight_decay": 0}}`)
	if err != nil {
		t.Fatal(err)
	}
	if o := e.Defaults("z"); o.RouterLR != .5 || o.Steps != 3 || o.RouterInit != "mean" || o.LR != Defaults("z").LR {
		t.Errorf("z: %+v", o)
	}
	if o := e.Defaults("mu"); o.LR != .002 || o.WeightDecay == nil || *o.WeightDecay != 0 || o.Steps != Defaults("mu").Steps {
		t.Errorf("mu: %+v", o)
	}
	if a, b := e.Defaults("lora"), Defaults("lora"); a.LR != b.LR || a.Steps != b.Steps {
		t.Errorf("lora: %+v, want %+v", a, b)
	}
	o := Defaults("z")
	o.Steps = 2
	e.Recommend(&o, func(flag string) bool { return flag == "steps" || flag == "router-init" })
	if o.Steps != 2 || o.RouterInit != "fresh" || o.RouterLR != .5 {
		t.Errorf("what was given does not win: %+v", o)
	}
	if got := e.Info().Inventory.FewShot["z"]["routerLr"]; got != .5 {
		t.Errorf("Info has the rate %v", got)
	}

	o.Examples, o.Instruction, o.Batch = idRows(t, 4), "private", 2
	var plan *PlanEvent
	fit, err := e.Adapt(context.Background(), o, func(ev Event) {
		if ev.Plan != nil {
			plan = ev.Plan
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(plan.Recommended, []string{"router-lr 0.5"}) || plan.Steps != 2 {
		t.Errorf("the plan says %v in %d steps", plan.Recommended, plan.Steps)
	}
	said := map[string]string{}
	for _, f := range fit.Export() {
		said[f.Name] = string(f.Bytes)
	}
	for _, want := range []string{"Method z: steps 2, batch 2, router-lr 0.5,", "As the inventory recommends: router-lr 0.5."} {
		if !strings.Contains(said["README.md"], want) {
			t.Errorf("no %q in the card:\n%s", want, said["README.md"])
		}
	}
	var log struct {
		Settings map[string]any `json:"settings"`
	}
	if err := json.Unmarshal([]byte(said["routing.json"]), &log); err != nil || log.Settings["router_lr"] != .5 || log.Settings["steps"] != 2. {
		t.Errorf("routing.json: %v, %v", log.Settings, err)
	}
	if _, ok := log.Settings["rank"]; ok || strings.Contains(said["routing.json"]+said["README.md"], "private") {
		t.Errorf("routing.json has a setting that z has not, or the instruction: %v", log.Settings)
	}
}

func TestBadFewShot(t *testing.T) {
	for fewShot, want := range map[string]struct {
		kind fault.Kind
		says string
	}{
		`{"lora": {"lr": 1}}`:                 {fault.Unsupported, `method "lora", want z, mu or mhr`},
		`{"z": {"heat": 1}}`:                  {fault.Unsupported, `no setting "heat"`},
		`{"z": {"router-lr": 1}}`:             {fault.Unsupported, `no setting "router-lr"`},
		`{"z": {"ROUTER_LR": 1}}`:             {fault.Unsupported, `no setting`},
		`{"z": {"lr": 1}}`:                    {fault.Unsupported, `no setting "lr"`},
		`{"z": {"examples": "x"}}`:            {fault.Unsupported, `no setting`},
		`{"z": {"seed": 7}}`:                  {fault.Unsupported, `no setting`},
		`{"z": {"router_lr": "fast"}}`:        {fault.Input, `a value that --router-lr takes`},
		`{"z": {"router_lr": null}}`:          {fault.Input, `a value that --router-lr takes`},
		`{"z": {"router_lr": 1e999}}`:         {fault.Input, `a value that --router-lr takes`},
		`{"z": {"router_lr": -1}}`:            {fault.Input, `--router-lr -1`},
		`{"z": {"steps": 2.5}}`:               {fault.Input, `a value that --steps takes`},
		`{"z": {"steps": 0}}`:                 {fault.Input, `--steps 0`},
		`{"z": {"schedule": "up"}}`:           {fault.Input, `--schedule "up"`},
		`{"z": 7}`:                            {fault.Input, `malformed`},
		`[]`:                                  {fault.Input, `malformed`},
		`{"mhr": {"selector": "l2"}}`:         {fault.Input, `--selector l2`},
		`{"mu": {"rank": 8}}`:                 {fault.Unsupported, `no setting "rank"`},
		`{"z": {"router_lr": {"nested": 1}}}`: {fault.Input, `a value that --router-lr takes`},
	} {
		if _, err := openFewShot(t, fewShot); !fault.Is(err, want.kind) || !strings.Contains(err.Error(), want.says) || !strings.Contains(err.Error(), "manifest.json") {
			t.Errorf("%s: got %v, want %s with %q", fewShot, err, want.kind, want.says)
		}
	}
	for _, fewShot := range []string{`{}`, `null`, `{"z": {}}`, `{"mhr": {"lr": 0.01, "router_lr": 0}}`} {
		if _, err := openFewShot(t, fewShot); err != nil {
			t.Errorf("%s: %v", fewShot, err)
		}
	}
}
