package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/formattest"
	"handful/core/share"
)

// onDisk are files as a folder.
func onDisk(files []File) (f format.Folder) {
	for _, x := range files {
		if !strings.Contains(x.Name, "/") {
			f = append(f, format.NamedBlob{Name: x.Name, Blob: format.BytesBlob(x.Bytes)})
		}
	}
	return f
}

// again is what a .handful file gives back.
func again(t *testing.T, e *Engine, a *share.Adapter) *Fit {
	t.Helper()
	b, err := share.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	if a, err = share.Decode(b); err != nil {
		t.Fatal(err)
	}
	f, err := e.Restore(a)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What was kept is, to the byte, what was learned.
func TestKept(t *testing.T) {
	e := openGolden(t)
	for name, set := range map[string]func(o *AdaptOptions){
		"z":       func(o *AdaptOptions) { o.RouterInit = "best:2" },
		"shared":  func(o *AdaptOptions) { o.Selector, o.Granularity = "shared", "block" },
		"through": func(o *AdaptOptions) { o.Selector = "straight-through" },
		"l2":      func(o *AdaptOptions) { o.Selector = "l2" },
		"mu":      func(o *AdaptOptions) { o.Method = "mu" },
		"lora": func(o *AdaptOptions) {
			o.Method, o.Rank, o.Alpha, o.Targets = "lora", 2, 3, []string{"q_proj", "v_proj"}
		},
		"ia3": func(o *AdaptOptions) { o.Method = "ia3" },
	} {
		o := Defaults("z")
		o.Examples, o.Instruction, o.Steps, o.Batch, o.RouterLR, o.Held, o.Score = idRows(t, 4), "private words", 3, 4, .3, idRows(t, 2), true
		set(&o)
		fit, err := e.Adapt(context.Background(), o, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, err := fit.Pack(ShareOptions{Name: "a name", Made: "2026-01-02T03:04:05Z", Base: "Golden"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a.Examples != "" || a.Held != "" || a.Instruction != "private words" || a.Base.Name != "Golden" || len(a.Scores) != 3 || len(a.Run.Steps) != 3 {
			t.Errorf("%s: got the card %+v", name, a.Card)
		}
		got := again(t, e, a)
		if len(got.Export()) != len(fit.Export()) {
			t.Errorf("%s: %d files, want %d", name, len(got.Export()), len(fit.Export()))
		}
		for i, f := range fit.Export() {
			if x := got.Export()[i]; x.Name != f.Name || !bytes.Equal(x.Bytes, f.Bytes) {
				t.Errorf("%s: %s is not as it was", name, f.Name)
			}
		}
		was, err := e.Score(context.Background(), fit.Adapter, o.Examples, ScoreOptions{})
		if err != nil {
			t.Fatal(err)
		}
		is, err := e.Score(context.Background(), got.Adapter, o.Examples, ScoreOptions{})
		if err != nil || is.Loss != was.Loss {
			t.Errorf("%s: loss %v (%v), want %v", name, is, err, was.Loss)
		}
		from, err := ReadFit(onDisk(fit.Export()), "private words", nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		code, told, err := fit.Share(ShareOptions{})
		switch name {
		case "z", "shared", "through":
			from.Scores = fit.Scores // in no file
			if same, _, err2 := from.Share(ShareOptions{}); err != nil || err2 != nil || same != code || told.Levels != share.MostLevels {
				t.Errorf("%s: shared from its folder it is another code (%v, %v)", name, err, err2)
			}
		default:
			if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), ".handful") {
				t.Errorf("%s: got %v, want it to name the file", name, err)
			}
		}
		e.Free(fit.Adapter)
		e.Free(got.Adapter)
	}
	o := Defaults("mhr")
	o.Examples, o.Steps = idRows(t, 2), 1
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fit.Pack(ShareOptions{}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("mhr: got %v, want an Unsupported fault", err)
	}
}

func openPocket(t *testing.T) *Engine {
	t.Helper()
	e, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, "../../assets/pocket/base"), Inventory: formattest.Folder(t, "../../assets/pocket/inventory"), Device: device.Options{Kind: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../assets/samples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// agrees shares a fine-tune in at most levels-ths and counts the rows that get
// the same prediction from the code.
func agrees(t *testing.T, e *Engine, fit *Fit, levels int, held string, o EvalOptions) (same, of int) {
	t.Helper()
	fit.levels = levels
	code, told, err := fit.Share(ShareOptions{Name: "a name"})
	fit.levels = 0
	if err != nil {
		t.Fatal(err)
	}
	a, err := share.FromText(code)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Restore(a)
	if err != nil {
		t.Fatal(err)
	}
	off := 0.
	for i, site := range fit.Routing.W {
		for q, head := range site {
			for s, w := range head {
				off = max(off, math.Abs(float64(w-got.Routing.W[i][q][s])))
			}
		}
	}
	if off > share.Bound(told.Levels) {
		t.Errorf("the routing is off by %g, want at most %g", off, share.Bound(told.Levels))
	}
	var rows [2]*ScoreRow
	for i, x := range []Adapter{fit.Adapter, got.Adapter} {
		if rows[i], err = e.Evaluate(context.Background(), x, held, o); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range rows[0].Rows {
		if of++; p.Got == rows[1].Rows[i].Got {
			same++
		}
	}
	t.Logf("%d characters, %dths, off by %.5f; %d of %d rows agree; accuracy %.3f and %.3f, loss %.4f and %.4f", len(code), told.Levels, off, same, of,
		rows[0].Accuracy, rows[1].Accuracy, rows[0].Loss, rows[1].Loss)
	return same, of
}

// A code gives the predictions of what it is of: written out, on held-out
// rows, from the finest to the coarsest that a link may have.
func TestSharedAgrees(t *testing.T) {
	e := openPocket(t)
	total := map[int][2]int{}
	for _, task := range []string{"verb_s", "word_first_upper"} {
		o := e.Defaults("z")
		o.Examples = sample(t, task+".train.txt")
		fit, err := e.Adapt(context.Background(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, levels := range []int{share.MostLevels, 64, share.FewestLevels} {
			same, of := agrees(t, e, fit, levels, sample(t, task+".held.txt"), EvalOptions{Generate: true})
			total[levels] = [2]int{total[levels][0] + same, total[levels][1] + of}
		}
	}
	for levels, n := range total {
		if n[1] != 80 || 100*n[0] < 99*n[1] {
			t.Errorf("in %dths %d of %d predictions agree, want 99 %%", levels, n[0], n[1])
		}
	}
}

// The agreement that is told with a coarse code is that of the scored rows.
func TestAgreement(t *testing.T) {
	e := openPocket(t)
	o := e.Defaults("z")
	o.Examples, o.Held, o.Score, o.Steps = sample(t, "verb_s.train.txt"), sample(t, "verb_s.held.txt"), true, 12
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, told, err := fit.Share(ShareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if same, of, err := e.Agreement(context.Background(), fit, told); err != nil || of != 40 || same < 40 {
		t.Errorf("%d of %d agree (%v), want all 40", same, of, err)
	}
	for i := range told.Mixture { // the even mixture, under which nothing was right
		told.Mixture[i] = 1 / float32(told.Skills)
	}
	right := 0
	for _, p := range fit.Scores[2].Rows {
		if p.OK {
			right++
		}
	}
	if same, of, err := e.Agreement(context.Background(), fit, told); err != nil || of != 40 || same > of-right+1 || right == 0 {
		t.Errorf("%d of %d agree (%v), where %d were right", same, of, err, right)
	}
	again, err := e.Restore(told)
	if err != nil {
		t.Fatal(err)
	}
	if same, of, err := e.Agreement(context.Background(), again, told); err != nil || same+of != 0 {
		t.Errorf("without rows: %d of %d, %v", same, of, err)
	}
}

// TestRealShared is the same with SmolLM2 and the starter inventory.
func TestRealShared(t *testing.T) {
	if os.Getenv("HANDFUL_SLOW") == "" {
		t.Skip("trains the real model: set HANDFUL_SLOW")
	}
	e := openReal(t, "cpu")
	o := e.Defaults("z")
	o.Examples, o.Instruction, o.RouterLR, o.Steps = sample(t, "wn_verb_supersense.train.jsonl"), "Category of this verb.", .5, 16
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	held := sample(t, "wn_verb_supersense.held.jsonl")
	if same, of := agrees(t, e, fit, 0, held, EvalOptions{Instruction: o.Instruction}); 100*same < 99*of {
		t.Errorf("%d of %d predictions agree, want 99 %%", same, of)
	}
}

// TestStands: what a fine-tune stands on is told from other weights.
func TestStands(t *testing.T) {
	e, other := openGolden(t), openPocket(t)
	o := Defaults("z")
	o.Examples, o.Steps = idRows(t, 2), 1
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := fit.Share(ShareOptions{Base: "Golden"})
	if err != nil {
		t.Fatal(err)
	}
	shared := func() *share.Adapter {
		a, err := share.FromText(code)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if _, err := other.Restore(shared()); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), `the base "Golden"`) {
		t.Errorf("another base: %v", err)
	}
	for name, c := range map[string]struct {
		change func(a *share.Adapter)
		want   string
	}{
		"inventory": {func(a *share.Adapter) { a.Inventory = &share.Weights{Name: "mine", SHA256: a.Base.SHA256} }, `the skills "mine"`},
		"none":      {func(a *share.Adapter) { a.Inventory = nil }, "without an adapter_config.json"},
		"shape":     {func(a *share.Adapter) { a.Sites-- }, "sites ×"},
		"method":    {func(a *share.Adapter) { a.Method = "magic" }, "method \"magic\""},
		"setting":   {func(a *share.Adapter) { a.Settings["heat"] = json.RawMessage("1") }, `no setting "heat"`},
		"value":     {func(a *share.Adapter) { a.Settings["steps"] = json.RawMessage("-1") }, "--steps"},
		"tensors":   {func(a *share.Adapter) { a.Levels, a.Tensors = 0, []byte("{}") }, "safetensors"},
		"config":    {func(a *share.Adapter) { a.Config = json.RawMessage(`{"peft_type":"OTHER"}`) }, "OTHER"},
	} {
		a := shared()
		c.change(a)
		if _, err := e.Restore(a); err == nil || !strings.Contains(err.Error(), c.want) || fault.Is(err, fault.Bug) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.want)
		}
	}
	bare, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, golden), Device: device.Options{Kind: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if _, err := bare.Restore(shared()); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "got none") {
		t.Errorf("without skills: %v", err)
	}
}

// A .handful file opens beside the base as an adapter's folder does, with its
// instruction.
func TestOpenShared(t *testing.T) {
	e := openPocket(t)
	o := e.Defaults("z")
	o.Examples, o.Instruction, o.Steps = sample(t, "verb_s.train.txt"), "Say it.", 3
	fit, err := e.Adapt(context.Background(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := fit.Pack(ShareOptions{Name: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := share.Encode(a)
	if err != nil {
		t.Fatal(err)
	}
	open := func(inventory format.Folder) (*Engine, error) {
		return Open(context.Background(), OpenOptions{Base: formattest.Folder(t, "../../assets/pocket/base"), Inventory: inventory,
			Adapter: format.Folder{{Name: "mine.handful", Blob: format.BytesBlob(b)}}, Device: device.Options{Kind: "cpu"}})
	}
	got, err := open(formattest.Folder(t, "../../assets/pocket/inventory"))
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	file, err := got.Adapter("file")
	if err != nil {
		t.Fatal(err)
	}
	was, err := e.Score(context.Background(), fit.Adapter, o.Examples, ScoreOptions{Instruction: o.Instruction})
	if err != nil {
		t.Fatal(err)
	}
	is, err := got.Score(context.Background(), file, o.Examples, ScoreOptions{})
	if err != nil || is.Loss != was.Loss || got.Info().Adapter.Name != "mine" {
		t.Errorf("loss %v (%v), want %v", is, err, was.Loss)
	}
	if _, err := open(nil); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "pocket-mhr") {
		t.Errorf("without skills: %v", err)
	}
}
