package rpc

import "syscall/js"

// Blob is a File, a Blob or a Uint8Array. A Uint8Array moves: whoever sent it
// must not use it again.
type Blob = js.Value
