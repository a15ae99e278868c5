package tune_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"handful/core/format/formattest"
	"handful/core/format/peft"
	"handful/core/route"
	"handful/core/tune"
)

// TestGoldenIA3 holds logits and ten training steps against PEFT's and torch's.
func TestGoldenIA3(t *testing.T) {
	ctx := context.Background()
	rows, per := goldenRows(t)
	var batches [][]int
	for b := 0; b < 10; b++ {
		var ix []int
		for i := range per {
			ix = append(ix, b*per+i)
		}
		batches = append(batches, ix)
	}
	var want meta
	b, err := os.ReadFile("testdata/ia3/meta.json")
	if err == nil {
		err = json.Unmarshal(b, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range devices(t) {
		t.Run(name, func(t *testing.T) {
			a, err := peft.ReadIA3(formattest.Folder(t, "testdata/ia3/adapter_init"))
			if err != nil {
				t.Fatal(err)
			}
			f := formattest.Safetensors(t, "testdata/ia3/forward.safetensors")
			logits, shape := f.F32("logits"), f.Shape("logits")
			ad := route.NewIA3(a)
			sc := tune.NewScorer(d, goldenModel(t), ad, 1, false)
			defer sc.Close()
			for i := range per {
				l, err := sc.Logits(ctx, rows[i])
				if err != nil {
					t.Fatal(err)
				}
				closeTo(t, "logit", l, logits[i*shape[1]*shape[2]:][:len(l)])
			}
			m := tune.IA3(a)
			tr, err := tune.NewTrainer(ctx, d, goldenModel(t), m, rows, batches, tune.Optim{LR: 1e-2, Decay: 0.01, Steps: 10})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Free(d)
			defer tr.Close()
			for k := 0; !tr.Done(); k++ {
				s, err := tr.Step(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if !near(s.Loss, want.Losses[k], 2e-4, 0) || !near(s.GradNorm, want.GradNorms[k], 2e-5, 2e-3) {
					t.Errorf("step %d: loss %v, norm %v; want %v, %v", s.Step, s.Loss, s.GradNorm, want.Losses[k], want.GradNorms[k])
				}
			}
			l, err := m.Collapse(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			end := formattest.Safetensors(t, "testdata/ia3/step10.safetensors")
			for _, s := range l.IA3.Sites {
				for i, w := range end.F32("base_model.model." + s + ".ia3_l") {
					if g := l.IA3.Scale[s][i]; !near(float64(g), float64(w), 1e-3, 0) {
						t.Errorf("%s[%d] is %v after ten steps, want %v", s, i, g, w)
					}
				}
			}
		})
	}
}
