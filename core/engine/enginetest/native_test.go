package enginetest

import (
	"context"
	"os"
	"runtime"
	"testing"

	_ "handful/core/device/cpu"
	"handful/core/format/formattest"
)

// rounds is quick ones, or more where there is time.
func rounds(quick, slow int) int {
	if os.Getenv("HANDFUL_SLOW") != "" {
		return slow
	}
	return quick
}

func pocket(t *testing.T) Pocket {
	const dir = "../../../assets/pocket"
	return Pocket{Base: formattest.Folder(t, dir+"/base"), Inventory: formattest.Folder(t, dir+"/inventory"), Device: "cpu"}
}

func TestFaultCampaign(t *testing.T) {
	n := rounds(40, 500)
	ends, wrong, err := pocket(t).Campaign(context.Background(), n, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
	t.Logf("%d rounds: %v", n, ends)
}

// Sessions leave nothing behind, however many; neither do devices that are lost.
func TestEndurance(t *testing.T) {
	var first uint64
	n, goroutines := rounds(12, 300), 0
	err := pocket(t).Endure(context.Background(), n, func(k int) {
		if k == 5 { // what is kept for good is there by then
			first, goroutines = Alive(), runtime.NumGoroutine()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if last := Alive(); last > first+first/10+1<<20 {
		t.Errorf("%d bytes are alive after %d rounds, %d after 6", last, n, first)
	}
	if now := runtime.NumGoroutine(); now > goroutines+1 {
		t.Errorf("%d goroutines after %d rounds, %d after 6", now, n, goroutines)
	}
}

// A run of many steps over many rows takes no more memory at the end than at the
// beginning.
func TestMarathon(t *testing.T) {
	n := rounds(300, 10_000)
	var first, last uint64
	err := pocket(t).Marathon(context.Background(), 1000, n, func(step int) {
		switch step {
		case n / 10:
			first = Alive()
		case n:
			last = Alive()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if first == 0 || last == 0 || last > first+first/10+1<<20 {
		t.Errorf("%d bytes are alive after %d steps, %d after a tenth of them", last, n, first)
	}
}
