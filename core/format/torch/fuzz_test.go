package torch

import (
	"os"
	"runtime/metrics"
	"testing"
	"time"

	"handful/core/fault"
	"handful/core/format"
)

// Caps on what a file of a few kilobytes may cost.
const (
	mostTime   = 3 * time.Second
	mostMemory = 256 << 20
)

// FuzzOpen: nothing panics or runs on, and every tensor of what is accepted
// reads, within time and memory.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"value.pt", "value.old", "protocol4.old", "runs.old"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { capped(t, b) })
}

// FuzzPickle starts behind the zip, whose checksums would stop most changes.
func FuzzPickle(f *testing.F) {
	f.Add("\x80\x02]q\x00(K\x01X\x01\x00\x00\x00a}(h\x00Nu\x85e.")
	f.Add(reference + "K\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR.")
	f.Fuzz(func(t *testing.T, p string) { capped(t, zipped(p, "data/0", "0123456789abcdef")) })
}

func capped(t *testing.T, b []byte) {
	before, start := allocated(), time.Now()
	v, err := Open(format.BytesBlob(b))
	if err == nil {
		read(t, format.BytesBlob(b), v, 3)
	} else if !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
		t.Fatalf("got %v, want Input or Unsupported", err)
	}
	if took := time.Since(start); took > mostTime {
		t.Fatalf("%d bytes took %v", len(b), took)
	}
	if got := allocated() - before; got > mostMemory {
		t.Fatalf("%d bytes took %d MB", len(b), got>>20)
	}
}

// allocated is all that was ever taken from the heap, in bytes.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// read reads the tensors right in a value.
func read(t *testing.T, b format.Blob, v any, depth int) {
	switch v := v.(type) {
	case *Tensor:
		x, err := v.F32(b)
		if err != nil && !fault.Is(err, fault.Input) && !fault.Is(err, fault.Unsupported) {
			t.Fatal(err)
		}
		if len(x) > int(b.Size()) {
			t.Fatalf("%d elements of %d bytes", len(x), b.Size())
		}
	case *Dict:
		for i := range min(len(v.Values), 100*depth) {
			read(t, b, v.Values[i], depth-1)
		}
	}
}
