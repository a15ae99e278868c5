package format

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"handful/core/fault"
	"handful/core/tensor"
)

// TestFinite: a bad value is found by whoever reads its block, and the fault
// counts those of the whole tensor.
func TestFinite(t *testing.T) {
	v := make([]float32, 100)
	v[10], v[99] = float32(math.NaN()), float32(math.Inf(-1))
	s := Finite("base", "x.weight", tensor.F32Source(v, 10, 10))
	for _, c := range []struct {
		off, n int
		bad    bool
	}{{0, 40, false}, {0, 44, true}, {40, 4, true}, {44, 352, false}, {396, 4, true}, {0, 400, true}, {38, 8, true}, {41, 4, false}, {41, 358, false}} {
		n, err := s.ReadAt(make([]byte, c.n), int64(c.off))
		if c.bad && (n != 0 || !fault.Is(err, fault.Input) || !strings.Contains(err.Error(), "base: x.weight: 2 of 100 values")) || !c.bad && (n != c.n || err != nil) {
			t.Errorf("%d bytes at %d: got %d, %v", c.n, c.off, n, err)
		}
	}
	if _, err := tensor.ReadF32(s); !fault.Is(err, fault.Input) {
		t.Errorf("got %v", err)
	}

	blocks := make([]byte, 1<<17*20) // more than is counted at a time
	for _, i := range []int{1, 1 << 16, 1<<17 - 1} {
		binary.LittleEndian.PutUint16(blocks[20*i+2:], 0x7c00)
	}
	q := Finite("base", "q", tensor.MemSource(tensor.Q4_1, []int{1 << 10, 1 << 12}, blocks, ""))
	if _, err := q.ReadAt(make([]byte, 2560), 2560*3); err != nil {
		t.Error(err)
	}
	if _, err := q.ReadAt(make([]byte, 2560), 0); err == nil || !strings.Contains(err.Error(), "3 block scales of 131072 blocks") {
		t.Errorf("got %v", err)
	}

	gone := errors.New("gone")
	broken := Finite("base", "x", failingSource{gone})
	if _, err := broken.ReadAt(make([]byte, 4), 0); !errors.Is(err, gone) {
		t.Errorf("got %v, want the source's own fault", err)
	}
}

type failingSource struct{ err error }

func (f failingSource) DType() tensor.DType               { return tensor.F32 }
func (f failingSource) Shape() []int                      { return []int{1} }
func (f failingSource) ID() string                        { return "" }
func (f failingSource) ReadAt([]byte, int64) (int, error) { return 0, f.err }
