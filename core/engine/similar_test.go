package engine

import (
	"context"
	"testing"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format/formattest"
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

func TestSimilarWantsARouting(t *testing.T) {
	e := tiny(t, "cpu")
	if _, err := e.Similar(&Fit{Method: "mu"}, 5); !fault.Is(err, fault.Input) {
		t.Errorf("got %v, want a fault of the input", err)
	}
}
