//go:build !unix

package main

import "time"

// cpuTime and peakBytes are not measured here; 0 means unknown.
func cpuTime() time.Duration { return 0 }
func peakBytes() int64       { return 0 }
