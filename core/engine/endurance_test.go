package engine

import (
	"context"
	"os"
	"runtime"
	"testing"

	"handful/core/device/chaos"
)

// rounds is how often a model is opened, adapted, used, exported and closed.
func rounds() int {
	if os.Getenv("HANDFUL_SLOW") != "" {
		return 300
	}
	return 12
}

// heap is what is alive.
func heap() (bytes uint64) {
	runtime.GC()
	runtime.GC() // finalizers have run
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Opening, adapting, judging, exporting and closing leave nothing behind,
// however often; neither do devices that are lost.
func TestEndurance(t *testing.T) {
	var first uint64
	goroutines := 0
	for k := range rounds() {
		var plan [][]chaos.Fault
		if k%3 == 2 {
			plan = [][]chaos.Fault{{{Kind: chaos.Loss, At: 300}}}
		}
		e, _, err := pocketOn(t, []string{"gpu", "cpu"}[k%2], plan...)
		if err != nil {
			t.Fatal(err)
		}
		o := pocketRun(t, []string{"z", "mu"}[k%2], []float64{0, always}[k/2%2])
		o.Steps, o.SaveSteps = 2, nil
		fit, err := e.Adapt(context.Background(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(fit.Export()) < 3 || len(fit.Scores) != 3 {
			t.Fatalf("round %d: %d files, %d scores", k, len(fit.Export()), len(fit.Scores))
		}
		if _, err := e.Generate(context.Background(), fit.Adapter, GenerateOptions{Prompt: "jump", MaxTokens: 3}, nil); err != nil {
			t.Fatal(err)
		}
		e.Free(fit.Adapter)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if k == 5 { // what is kept for good is there by then
			first, goroutines = heap(), runtime.NumGoroutine()
		}
	}
	if last := heap(); last > first+first/10+1<<20 {
		t.Errorf("%d bytes are alive after %d rounds, %d after 6", last, rounds(), first)
	}
	if n := runtime.NumGoroutine(); n > goroutines+1 {
		t.Errorf("%d goroutines after %d rounds, %d after 6", n, rounds(), goroutines)
	}
}
