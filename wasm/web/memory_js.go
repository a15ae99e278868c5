package web

import (
	"syscall/js"

	"handful/core/fault"
)

// part is how many bytes are gathered before the browser may move them out of
// memory.
const part = 16 << 20

// memory collects chunks as Blobs. It is gone with the page.
type memory struct {
	parts   js.Value // Blobs, and at the end chunks
	pending int64    // bytes in chunks
	from    int      // where the chunks begin
	n       int64
	version string
}

func (m *memory) size() int64 { return m.n }
func (m *memory) tag() string { return m.version }
func (m *memory) close()      {}

func (m *memory) read([]byte, int64) error {
	return fault.New(fault.Bug, "download", "nothing is there before a download begins")
}

func (m *memory) add(chunk js.Value) error {
	m.parts.Call("push", chunk)
	n := int64(chunk.Get("length").Int())
	m.n += n
	if m.pending += n; m.pending >= part {
		chunks := m.parts.Call("splice", m.from)
		m.parts.Call("push", js.Global().Get("Blob").New(chunks))
		m.from, m.pending = m.from+1, 0
	}
	return nil
}

func (m *memory) restart(tag string) error {
	*m = memory{parts: js.Global().Get("Array").New(), version: tag}
	return nil
}

// done looks whether the browser has the whole: a Blob that it found no room
// for is made all the same, and fails when it is read.
func (m *memory) done() (js.Value, error) {
	whole := js.Global().Get("Blob").New(m.parts)
	if _, err := Await(whole.Call("slice", 0, 1).Call("arrayBuffer")); err != nil {
		return whole, fault.New(fault.Memory, "download", "the browser has no room for %d MB: %w", m.n>>20, err).
			Next("close other tabs or free space on the disk, then load it again")
	}
	return whole, nil
}
