package engine

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"handful/core/device"
	_ "handful/core/device/cpu"
	_ "handful/core/device/gpu"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/model"
	"handful/core/task"
	"handful/core/tune"
)

// tiny opens the golden Llama, which has no tokenizer, with an inventory whose
// three tasks differ.
func tiny(t *testing.T, kind string) *Engine {
	t.Helper()
	e, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, golden), Inventory: formattest.Folder(t, golden+"/s4/adapter_init"), Device: device.Options{Kind: kind}})
	if fault.Is(err, fault.NoGPU) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

var (
	prefix  = []int32{5, 17, 40, 3, 88, 21, 9}
	prompts = [][]int32{{1, 2, 3}, {60, 61, 62, 63, 64, 65, 66, 67}, {7}, {30, 8, 30, 8, 30}}
)

// slowly decodes one prompt by computing everything again for each token.
func slowly(t *testing.T, e *Engine, a Adapter, task int, ids []int32, most int) (out []int32) {
	t.Helper()
	sc := tune.NewScorer(e.dev, e.model, a.route, a.tasks, false)
	defer sc.Close()
	ids = slices.Clone(ids)
	for range most {
		l, err := sc.Logits(context.Background(), tune.Row{IDs: ids, Task: task})
		if err != nil {
			t.Fatal(err)
		}
		next := int32(model.ArgMax(l[len(l)-e.info.Vocab:]))
		out, ids = append(out, next), append(ids, next)
	}
	return out
}

// Greedy decoding of several prompts in one cache, with and without tokens
// before them, gives what computing each from the start gives, task by task.
func TestGreedy(t *testing.T) {
	for _, kind := range []string{"cpu", "gpu"} {
		t.Run(kind, func(t *testing.T) { greedyAgrees(t, tiny(t, kind)) })
	}
}

func greedyAgrees(t *testing.T, e *Engine) {
	const most = 6
	for _, name := range []string{"base", "mean", "routed"} {
		a, err := e.Adapter(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, before := range [][]int32{nil, prefix} {
			if name == "routed" && before != nil {
				continue // what stands before is computed for one task
			}
			var ps []model.Prompt
			var want [][]int32
			table := []int32{0}
			if name == "routed" {
				table = []int32{2, 0, 1}
			}
			for i, p := range prompts {
				slot := int32(i % len(table))
				ps = append(ps, model.Prompt{IDs: p, Slot: slot})
				want = append(want, slowly(t, e, a, int(table[slot]), append(slices.Clone(before), p...), most))
			}
			var bind model.Bind
			if a.route != nil {
				bind = a.route.Bind
			}
			none := func(int32) bool { return false }
			got, err := model.Greedy(context.Background(), e.dev, e.model, bind, table, before, ps, most, none, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%s, %d tokens before, prompt %d: %v, want %v", name, len(before), i, got[i], want[i])
				}
			}
			end := want[1][2]
			got, err = model.Greedy(context.Background(), e.dev, e.model, bind, table, before, ps, most, func(id int32) bool { return id == end }, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want {
				if k := slices.Index(w, end); k >= 0 {
					w = w[:k]
				}
				if !slices.Equal(got[i], w) {
					t.Errorf("%s, prompt %d until %d: %v, want %v", name, i, end, got[i], w)
				}
			}
		}
	}
}

// Forty prompts make three batches; the longest fills the context.
func TestGreedyBatches(t *testing.T) {
	e := tiny(t, "cpu")
	var ps []model.Prompt
	for i := range 40 {
		ps = append(ps, model.Prompt{IDs: []int32{int32(i), 3, int32(90 - i)}})
	}
	full := e.info.Context - 2
	long := make([]int32, full)
	for i := range long {
		long[i] = int32(i % 90)
	}
	ps = append(ps, model.Prompt{IDs: long})
	done := 0
	got, err := model.Greedy(context.Background(), e.dev, e.model, nil, []int32{0}, nil, ps, 4, func(int32) bool { return false }, func(n int) { done = n })
	if err != nil {
		t.Fatal(err)
	}
	if done != 41 || len(got) != 41 || len(got[40]) != 2 {
		t.Fatalf("%d done, %d answers, the last of %d tokens; want 41, 41, 2", done, len(got), len(got[40]))
	}
	base, _ := e.Adapter("base")
	for _, i := range []int{0, 15, 16, 39} {
		if want := slowly(t, e, base, 0, ps[i].IDs, 4); !slices.Equal(got[i], want) {
			t.Errorf("prompt %d: %v, want %v", i, got[i], want)
		}
	}
	if _, err := model.Greedy(context.Background(), e.dev, e.model, nil, []int32{0}, nil, []model.Prompt{{IDs: append(long, 1, 2)}}, 4, nil, nil); err == nil {
		t.Error("a prompt as long as the context wants a fault")
	}
}

// Rows behind tokens that are computed once have the likelihood that they have
// with these tokens in front of each.
func TestScoreBehind(t *testing.T) {
	for _, kind := range []string{"cpu", "gpu"} {
		t.Run(kind, func(t *testing.T) { behindAgrees(t, tiny(t, kind)) })
	}
}

func behindAgrees(t *testing.T, e *Engine) {
	ctx := context.Background()
	group := func(before []int32, prompt []int32, answers ...[]int32) (rows []tune.Row) {
		for _, a := range answers {
			r := tune.Row{IDs: slices.Concat(before, prompt, a)}
			for i := range r.IDs {
				y := int32(-100)
				if i >= len(before)+len(prompt) {
					y = r.IDs[i]
				}
				r.Labels = append(r.Labels, y)
			}
			rows = append(rows, r)
		}
		return rows
	}
	groups := func(before []int32) [][]tune.Row {
		return [][]tune.Row{
			group(before, []int32{1, 2, 3}, []int32{4, 5}, []int32{6}, []int32{7, 8, 9}),
			group(before, []int32{50}, []int32{4, 5}, []int32{60}),
			group(before, []int32{70, 71, 72, 73, 74, 75, 76, 77, 78, 79}, []int32{4}),
		}
	}
	for _, name := range []string{"base", "mean"} {
		a, err := e.Adapter(name)
		if err != nil {
			t.Fatal(err)
		}
		score := func(before []int32, g [][]tune.Row) []tune.RowScore {
			sc := tune.NewScorer(e.dev, e.model, a.route, a.tasks, false)
			defer sc.Close()
			sc.Behind(before)
			got, err := sc.ScoreGroups(ctx, g)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		want, got := score(nil, groups(prefix)), score(prefix, groups(nil))
		for i := range want {
			if got[i].Tokens != want[i].Tokens || math.Abs(got[i].Sum-want[i].Sum) > 1e-4 {
				t.Errorf("%s, row %d: %+v, want %+v", name, i, got[i], want[i])
			}
		}
		if plain := score(nil, groups(nil)); math.Abs(plain[0].Sum-want[0].Sum) < 1e-3 {
			t.Errorf("%s: what stands before makes no difference", name)
		}
	}
}

// line is a pre-tokenised row.
func line(prompt, answer []int32) string {
	labels := slices.Repeat([]int32{-100}, len(prompt))
	b, _ := json.Marshal(map[string]any{"input_ids": slices.Concat(prompt, answer), "labels": append(labels, answer...)})
	return string(b) + "\n"
}

func TestEvaluateGenerates(t *testing.T) {
	e := tiny(t, "cpu")
	base, _ := e.Adapter("base")
	var rows strings.Builder
	for i, p := range prompts {
		want := slowly(t, e, base, 0, p, 4)
		if i == 1 {
			want[1] = (want[1] + 1) % 90 // three of four words are right
		}
		rows.WriteString(line(p, want))
	}
	for _, generate := range []bool{true, false} {
		s, err := e.Evaluate(context.Background(), base, rows.String(), EvalOptions{Generate: generate, MaxTokens: 4})
		if err != nil {
			t.Fatal(err)
		}
		if s.Accuracy != 0.75 || s.Rows[1].OK || !s.Rows[0].OK {
			t.Errorf("generate %v: %+v", generate, s)
		}
		if !generate {
			if s.Exact != nil || s.RougeL != nil {
				t.Error("without generation there is no Rouge-L")
			}
			continue
		}
		if *s.Exact != 0.75 || *s.RougeL <= 0.75 || *s.RougeL >= 1 {
			t.Errorf("exact %v, Rouge-L %v, %+v", *s.Exact, *s.RougeL, s.Rows[1])
		}
	}
}

// Examples in the prompt are as many as fit, from the first on.
func TestEvaluateInContext(t *testing.T) {
	e := tiny(t, "cpu")
	base, _ := e.Adapter("base")
	demos := ""
	for i := range 100 {
		demos += line([]int32{int32(i % 90), 4, 5, 6}, []int32{7, 8})
	}
	rows := line([]int32{1, 2}, []int32{3})
	s, err := e.Evaluate(context.Background(), base, rows, EvalOptions{Context: demos})
	if err != nil {
		t.Fatal(err)
	}
	if want := (e.info.Context - 3) / 6; s.Shown != min(100, want) {
		t.Errorf("%d examples shown, want %d", s.Shown, want)
	}
	var front []int32
	for i := range s.Shown {
		front = append(front, int32(i%90), 4, 5, 6, 7, 8)
	}
	want, err := e.Score(context.Background(), base, line(append(front, 1, 2), []int32{3}), ScoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(s.Loss-want.Loss) > 1e-4 {
		t.Errorf("loss %v, want %v", s.Loss, want.Loss)
	}
}

func TestBestTask(t *testing.T) {
	e := tiny(t, "cpu")
	rows := line([]int32{1, 2, 3}, []int32{4, 5}) + line([]int32{9, 8}, []int32{7})
	a, best, err := e.BestTask(context.Background(), AdaptOptions{Examples: rows})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Score(context.Background(), a, rows, ScoreOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Loss-best.Loss) > 1e-4 {
		t.Errorf("%+v, its routing has loss %v", best, got.Loss)
	}
	for i := range e.inv.Trained().Tasks {
		a, err := e.Adapter("task:" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		other, err := e.Score(context.Background(), a, rows, ScoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if other.Loss < best.Loss-1e-5 {
			t.Errorf("task %d has loss %v, the best one %v", i, other.Loss, best.Loss)
		}
	}
}

func TestRandomSkills(t *testing.T) {
	e := tiny(t, "cpu")
	r, err := e.WithRandomSkills(3)
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.WithRandomSkills(3)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range e.inv.Sites {
		a, b, was := r.inv.A[s], r.inv.B[s], e.inv.B[s]
		bound := 1 / math.Sqrt(3*float64(r.inv.Dims[s][0]))
		if len(a) != len(e.inv.A[s]) || len(b) != len(was) || !slices.Equal(a, again.inv.A[s]) || !slices.Equal(b, again.inv.B[s]) {
			t.Fatalf("%s: shapes or seeds differ", s)
		}
		if most := float64(slices.Max(a)); most > bound || most < 0.8*bound {
			t.Errorf("%s: A up to %v, want nearly %v", s, most, bound)
		}
		if got, want := rms(b), rms(was); math.Abs(got-want) > 0.15*want || slices.Equal(b, was) {
			t.Errorf("%s: B has a root mean square of %v, the inventory's %v", s, got, want)
		}
	}
	if a, err := r.Adapter("mean"); err != nil || a.route == nil {
		t.Errorf("mean of random skills: %v", err)
	}
}

// Rows of a sorted file are drawn from each class by its share.
func TestLimited(t *testing.T) {
	var exs []task.Example
	for i := range 90 {
		exs = append(exs, task.Example{Input: strconv.Itoa(i), Output: map[bool]string{true: "rare", false: "often"}[i >= 60], Line: i + 1})
	}
	got := limited(exs, 30)
	rare := 0
	for i, x := range got {
		if x.Output == "rare" {
			rare++
		}
		if i > 0 && x.Line <= got[i-1].Line {
			t.Error("rows lost their order")
		}
	}
	if len(got) != 30 || rare < 9 || rare > 11 {
		t.Errorf("%d rows, %d of the rare class; want 30, about 10", len(got), rare)
	}
	if len(limited(exs, 0)) != 90 || len(limited(exs, 90)) != 90 || len(limited(exs, 1)) != 1 {
		t.Error("0 is no limit, 90 of 90 are all, 1 is one")
	}
	same := []task.Example{{Input: "a", Output: "x"}, {Input: "a", Output: "y"}, {Input: "a", Output: "y"}}
	if len(limited(same, 2)) != 2 {
		t.Error("rows of one input are limited as well")
	}
}

// A row of tokens is shown by their numbers: there is no text.
func TestRowsOfTokensAreShown(t *testing.T) {
	if in, want := shown(task.Example{InputIDs: []int32{3, 9, 1}, Labels: []int32{-100, 20, 1}}); in != "3 9 1" || want != "20 1" {
		t.Errorf("got %q and %q", in, want)
	}
	if in, want := shown(task.Example{Input: "a", Output: "b"}); in != "a" || want != "b" {
		t.Errorf("got %q and %q", in, want)
	}
}
