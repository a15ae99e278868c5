package engine

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format/formattest"
	"handful/core/skill"
)

// pocketEngine opens the model that comes with the page.
func pocketEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := Open(context.Background(), OpenOptions{Base: formattest.Folder(t, "../../assets/pocket/base"), Inventory: formattest.Folder(t, "../../assets/pocket/inventory"), Device: device.Options{Kind: "cpu"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// What learns a training task's rows routes most like that task; of a task that
// was never trained on the nearest is the one that does the same to other words.
func TestSimilarFindsTheTask(t *testing.T) {
	e := pocketEngine(t)
	for want, rows := range map[string]string{
		"word_reverse": "cat => tac\nhouse => esuoh\nplan => nalp\ntree => eert\nriver => revir\nstone => enots\nlamp => pmal\ngreen => neerg\n",
		"noun_plural":  "walk => walks\njump => jumps\nplay => plays\ncook => cooks\nlook => looks\ntalk => talks\nwait => waits\nopen => opens\n",
	} {
		o := e.Defaults("z")
		o.Examples, o.Steps = rows, 20
		f, err := e.Adapt(context.Background(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Similar(f, 3)
		if err != nil || len(got) != 3 {
			t.Fatalf("got %d tasks, %v", len(got), err)
		}
		if got[0].Task != want || got[0].Cosine <= got[1].Cosine || got[0].Cosine > 1 {
			t.Errorf("got %v, want %s first", got, want)
		}
		if all, err := e.Similar(f, 1<<20); err != nil || len(all) != e.inv.Trained().Tasks || all[len(all)-1].Cosine < -1 {
			t.Errorf("of all: got %d tasks, %v", len(all), err)
		}
	}
}

// The training tasks that ask for the same changes come first, and what the
// sketches say is near the cosine of the gradients themselves.
func TestAlignedFindsTheTasks(t *testing.T) {
	e := pocketEngine(t)
	const rows = "walks => walking\njumps => jumping\nplays => playing\ncooks => cooking\n"
	for _, method := range []string{"z", "mu"} {
		o := e.Defaults(method)
		o.Examples, o.Steps = rows, 1
		f, err := e.Adapt(context.Background(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		all, err := e.Aligned(context.Background(), f, 1<<20)
		if err != nil || len(all) != len(e.inv.Manifest.Tasks) {
			t.Fatalf("%s: %d tasks, %v", method, len(all), err)
		}
		if !strings.HasPrefix(all[0].Task, "verb_") || all[0].Cosine < .3 || all[len(all)-1].Cosine > 0 {
			t.Errorf("%s: first %v, last %v", method, all[0], all[len(all)-1])
		}
	}
}

func TestAlignedIsNearTheCosine(t *testing.T) {
	e, ctx := pocketEngine(t), context.Background()
	tasks := []AlignTask{{Name: "one", Examples: "cat => cats\ndog => dogs\ntree => trees\n"}, {Name: "two", Examples: "walk => walks\njump => jumps\nplay => plays\n"},
		{Name: "three", Examples: "cat => tac\nhouse => esuoh\nplan => nalp\n"}}
	mean, err := e.Adapter("mean")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Free(mean)
	want, err := e.Align(ctx, mean, tasks, AlignOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The rows of three training tasks become the inventory's whole past.
	e.inv.Manifest = &skill.Manifest{Tasks: []string{"one", "two", "three"}}
	e.inv.TaskRows = nil
	if e.inv.Sketches, err = e.Sketches(ctx, tasks, AlignOptions{}, nil); err != nil {
		t.Fatal(err)
	}
	o := e.Defaults("mu")
	o.Examples, o.Steps = tasks[0].Examples, 1
	f, err := e.Adapt(ctx, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Aligned(ctx, f, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range got {
		i := slices.Index(want.Tasks, g.Task)
		if off := math.Abs(g.Cosine - want.Cosine[0][i]); off > 3*.044 {
			t.Errorf("%s: about %v, is %v", g.Task, g.Cosine, want.Cosine[0][i])
		}
	}
	if got[0].Task != "one" || got[0].Cosine < .999 {
		t.Errorf("its own rows: got %v", got[0])
	}
	if _, err := e.Sketches(ctx, tasks[:2], AlignOptions{}, nil); !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), `"three"`) {
		t.Errorf("a task without rows: got %v", err)
	}
}

func TestAlignedWantsSketchesAndExamples(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		e    *Engine
		kind fault.Kind
	}{
		"an inventory without sketches": {tiny(t, "cpu"), fault.Unsupported}, "no examples": {pocketEngine(t), fault.Input},
	} {
		if _, err := c.e.Aligned(ctx, &Fit{Method: "z"}, 5); !fault.Is(err, c.kind) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSimilarWantsARouting(t *testing.T) {
	e := tiny(t, "cpu")
	if _, err := e.Similar(&Fit{Method: "mu"}, 5); !fault.Is(err, fault.Input) {
		t.Errorf("got %v, want a fault of the input", err)
	}
}
