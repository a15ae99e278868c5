//go:build !js && !amd64 && !arm64

package cpu

// vectors are families of this processor's own: none yet.
func vectors() []products { return nil }
