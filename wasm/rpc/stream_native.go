//go:build !js

package rpc

import (
	"bufio"
	"errors"
	"io"
	"sync"
)

// ServeStream answers messages that come from in, with events to out, until in
// ends. greeting is what the ready event says. Blobs are []byte.
func ServeStream(in io.Reader, out io.Writer, handlers map[string]Handler, greeting any) error {
	var mu sync.Mutex
	post := func(msg string, blobs []Blob) {
		bytes := make([][]byte, len(blobs))
		for i, b := range blobs {
			bytes[i], _ = b.([]byte) // handlers of a stream give nothing else
		}
		mu.Lock()
		defer mu.Unlock()
		_ = WriteMessage(out, msg, bytes) // whoever has gone also ends in
	}
	s := NewServer(post, handlers)
	(&Emitter{post: s.send}).Send(Ready, greeting)
	for r := bufio.NewReader(in); ; {
		msg, parts, err := ReadMessage(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		blobs := make([]Blob, len(parts))
		for i, p := range parts {
			blobs[i] = p
		}
		s.Receive(msg, blobs)
	}
}
