//go:build js

package cpu

import "time"

// One thread: everything runs in place.

func workers() int { return 1 }

func parallel(n, _ int, f func(lo, hi int)) { f(0, n) }

func parallelWorkers(n int, f func(worker, job int)) {
	for i := 0; i < n; i++ {
		f(0, i)
	}
}

var breathed time.Time

// breathe lets the event loop run now and then, so that a message (cancel,
// above all) can come in while a step computes.
func breathe() {
	if now := time.Now(); now.Sub(breathed) > 50*time.Millisecond {
		time.Sleep(time.Microsecond)
		breathed = time.Now()
	}
}
