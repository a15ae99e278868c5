//go:build !js

package rpc

// Blob is what a message carries beside its text; natively anything.
type Blob = any
