//go:build !js

package cpu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// workers is how many goroutines share a kernel's rows.
func workers() int { return runtime.GOMAXPROCS(0) }

// parallel splits [0, n) into one part a worker, none smaller than least. What
// a part computes must not depend on where the cuts are.
func parallel(n, least int, f func(lo, hi int)) {
	w := min(workers(), n/max(1, least))
	if w <= 1 {
		f(0, n)
		return
	}
	var wg sync.WaitGroup
	for i := 0; i < w; i++ {
		lo, hi := i*n/w, (i+1)*n/w
		wg.Add(1)
		go func() { defer wg.Done(); f(lo, hi) }()
	}
	wg.Wait()
}

// parallelWorkers runs jobs 0..n-1, telling each which worker runs it.
func parallelWorkers(n int, f func(worker, job int)) {
	w := min(workers(), n)
	if w <= 1 {
		for i := 0; i < n; i++ {
			f(0, i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := 0; i < w; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				j := int(next.Add(1)) - 1
				if j >= n {
					return
				}
				f(i, j)
			}
		}()
	}
	wg.Wait()
}

// breathe is for the browser, where work blocks the thread that gets messages.
func breathe() {}
