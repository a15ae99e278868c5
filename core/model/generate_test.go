package model_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"handful/core/device"
	"handful/core/device/cpu"
	_ "handful/core/device/gpu"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/format/hf"
	"handful/core/model"
)

const golden = "../../testdata/golden/mhr"

func open(t *testing.T, name string) model.Model {
	t.Helper()
	ck, err := hf.Open(formattest.Folder(t, filepath.Join(golden, name)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Open(ck.Config.Config, ck)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// devices are the cpu and, where an adapter opens, the gpu.
func devices(t *testing.T) map[string]device.Device {
	ds := map[string]device.Device{"cpu": cpu.New(cpu.Fast), "reference": cpu.New(cpu.Reference)}
	if d, _, err := device.Open(context.Background(), device.Options{Kind: "gpu", Family: "register"}); err != nil {
		t.Logf("SKIPPED on gpu: %v", err)
	} else {
		ds["gpu"] = d
	}
	for _, d := range ds {
		t.Cleanup(func() { d.Close() })
	}
	return ds
}

func read(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestGenerate holds greedy answers and beam search against transformers'
// (testdata/make_generate.py), of a decoder and of encoder-decoders.
func TestGenerate(t *testing.T) {
	var want struct {
		Tokens int
		Models map[string][]struct {
			Prompt, Answer []int32
			End            int32
			Beams          int
			Penalty        float64
		}
	}
	read(t, "generate.json", &want)
	ctx := context.Background()
	for device, d := range devices(t) {
		for name, rows := range want.Models {
			t.Run(device+"/"+name, func(t *testing.T) {
				m := open(t, name)
				lengths := map[int]bool{}
				var prompts []model.Prompt
				var answers [][]int32
				for i, r := range rows {
					if device != "cpu" && r.Beams > 1 && i%3 > 0 {
						continue
					}
					lengths[len(r.Answer)] = true
					stop := func(id int32) bool { return id == r.End }
					p := model.Prompt{IDs: r.Prompt}
					got, err := model.Beam(ctx, d, m, nil, []int32{0}, p, model.Beams{Width: r.Beams, Penalty: r.Penalty}, want.Tokens, stop)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got, r.Answer) {
						t.Errorf("row %d, %d beams, penalty %g, end %d: got %v, want %v", i, r.Beams, r.Penalty, r.End, got, r.Answer)
					}
					if r.Beams > 1 {
						continue
					}
					var one []int32
					if err := model.Generate(ctx, d, m, nil, r.Prompt, want.Tokens, model.Sampling{}, stop, func(id int32) bool { one = append(one, id); return true }); err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(one, r.Answer) {
						t.Errorf("row %d: generated %v, want %v", i, one, r.Answer)
					}
					if r.End == 1 {
						prompts, answers = append(prompts, p), append(answers, r.Answer)
					}
				}
				if len(lengths) < 3 || len(prompts) < 4 {
					t.Fatalf("answers of lengths %v, %d greedy ones", lengths, len(prompts))
				}
				got, err := model.Greedy(ctx, d, m, nil, []int32{0}, nil, prompts, want.Tokens, func(id int32) bool { return id == 1 }, nil)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(answers) {
					t.Errorf("greedy: got %v, want %v", got, answers)
				}
			})
		}
	}
}

// Sampling from an encoder-decoder repeats by its seed, and keeps to the
// likeliest token where top-p is small.
func TestSampling(t *testing.T) {
	d, m := cpu.New(cpu.Fast), open(t, "t5_gated_untied")
	defer d.Close()
	say := func(s model.Sampling) (ids []int32) {
		err := model.Generate(context.Background(), d, m, nil, []int32{5, 17, 33, 1}, 8, s, func(int32) bool { return false }, func(id int32) bool { ids = append(ids, id); return true })
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	greedy, hot := say(model.Sampling{}), say(model.Sampling{Temperature: 3, TopP: 0.95, Seed: 4})
	if again := say(model.Sampling{Temperature: 3, TopP: 0.95, Seed: 4}); !slices.Equal(again, hot) || slices.Equal(greedy, hot) {
		t.Errorf("sampled %v, again %v, greedy %v", hot, again, greedy)
	}
	if narrow := say(model.Sampling{Temperature: 3, TopP: 1e-6, Seed: 4}); !slices.Equal(narrow, greedy) {
		t.Errorf("top-p 1e-6 gives %v, want %v", narrow, greedy)
	}
}

func TestBeamFaults(t *testing.T) {
	d := cpu.New(cpu.Fast)
	defer d.Close()
	for _, name := range []string{"llama_gqa", "t5_relu_tied"} {
		m := open(t, name)
		for what, p := range map[string]model.Prompt{"no token": {}, "too long": {IDs: make([]int32, m.Config().Context+1)}} {
			if _, err := model.Beam(context.Background(), d, m, nil, []int32{0}, p, model.Beams{Width: 2}, 4, nil); !fault.Is(err, fault.Input) {
				t.Errorf("%s, a prompt with %s: %v", name, what, err)
			}
		}
		for _, width := range []int{0, 65} {
			if _, err := model.Beam(context.Background(), d, m, nil, []int32{0}, model.Prompt{IDs: []int32{1}}, model.Beams{Width: width}, 4, nil); !fault.Is(err, fault.Input) {
				t.Errorf("%s, %d beams: %v", name, width, err)
			}
		}
	}
}
