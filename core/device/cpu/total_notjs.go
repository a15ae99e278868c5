//go:build !js

package cpu

// total is unknown: the system has its own ways to make room.
func total() int64 { return 0 }
