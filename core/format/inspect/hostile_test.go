package inspect

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"handful/core/fault"
	"handful/core/format"
)

// seeds are sound files of every format that is read.
var seeds = []string{
	"../safetensors/testdata/mixed.safetensors", "../gguf/testdata/kinds.gguf", "../hf/testdata/tiny.gguf", "../hf/testdata/pytorch_model.bin",
	"../peft/testdata/adapter_model.bin", "../torch/testdata/value.pt", "../torch/testdata/value.old", "../torch/testdata/runs.pt", "../mttl/testdata/lora.ckpt",
	"../mttl/testdata/fine.ckpt", "../mttl/testdata/experts/mttl_weights.bin", "../../../assets/pocket/inventory/adapter_config.json",
	"../../../assets/pocket/inventory/adapter_model.safetensors", "../../../assets/pocket/base/config.json",
}

const (
	mostTime  = 50 * time.Millisecond
	slack     = 512 << 10 // bytes that any look at a file takes: buffers
	perFile   = 80
	busy      = 5 // times that a machine with other work is asked
	smallFile = 1 << 20
)

// damage changes a sound file as accidents and enemies do.
func damage(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	head := min(len(b), 2048) // most that a file says of itself is at its ends
	at := func() int {
		if r.IntN(4) == 0 {
			return len(b) - 1 - r.IntN(head)
		}
		return r.IntN(head)
	}
	switch r.IntN(5) {
	case 0:
		return b[:r.IntN(len(b))]
	case 1:
		for range 1 + r.IntN(4) {
			b[at()] ^= 1 << r.IntN(8)
		}
	case 2: // a number that is far too large
		for i := at() &^ 7; i+8 <= len(b); {
			binary.LittleEndian.PutUint64(b[i:], []uint64{1 << 62, 1<<64 - 1, 1 << 32, uint64(len(b)) + 1, 1<<63 + 8}[r.IntN(5)])
			break
		}
	case 3:
		i := at()
		return append(b[:i:i], append(bytes.Repeat([]byte{byte(r.Uint32())}, 1+r.IntN(300)), b[i:]...)...)
	default:
		i, j := at(), at()
		copy(b[min(i, j):], b[max(i, j):])
	}
	return b
}

// What is refused is refused fast and for little memory, whatever it says of
// itself; nothing panics.
func TestRefusedFilesAreCheap(t *testing.T) {
	refused := 0
	for _, seed := range seeds {
		whole, err := os.ReadFile(seed)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) > smallFile {
			t.Fatalf("%s is too large for many tries", seed)
		}
		r := rand.New(rand.NewPCG(28, uint64(len(whole))))
		for k := range perFile {
			b := damage(r, whole)
			f := format.Folder{{Name: filepath.Base(seed), Blob: format.BytesBlob(b)}}
			var took time.Duration
			var used uint64
			for try := range busy {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				_, err = Describe(f)
				d := time.Since(start)
				runtime.ReadMemStats(&after)
				if u := after.TotalAlloc - before.TotalAlloc; try == 0 || u < used {
					used = u
				}
				if took = d; took < mostTime {
					break
				}
			}
			if err == nil {
				continue
			}
			refused++
			if f := fault.From("", err); f.Kind == fault.Bug {
				t.Errorf("%s, damage %d: %v", seed, k, err)
			}
			if took > mostTime || used > uint64(2*len(b)+slack) {
				t.Errorf("%s, damage %d of %d bytes: refused in %v with %d bytes: %v", seed, k, len(b), took, used, err)
			}
		}
	}
	if refused < perFile*len(seeds)/4 {
		t.Errorf("%d of %d damaged files were refused", refused, perFile*len(seeds))
	}
	t.Logf("%d of %d damaged files are refused", refused, perFile*len(seeds))
}
