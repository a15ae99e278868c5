package torch

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"handful/core/fault"
)

// maxOps bounds a pickle's steps, and so what it can make of few bytes: a
// checkpoint has some 30 for each tensor.
const maxOps = 1 << 20

// input is what a pickle is read from, to its last byte and no further.
type input interface {
	io.ByteReader
	io.Reader
}

// mark is what MARK leaves on the stack.
type mark struct{}

// machine follows one pickle (Python's pickletools.py names the steps). The
// first fault ends it.
type machine struct {
	in    input
	find  func(key string, size int64) (int64, error)
	stack []any
	memo  map[uint32]any
	left  int64 // bytes
}

func newMachine(in input, find func(string, int64) (int64, error)) *machine {
	return &machine{in: in, find: find, memo: map[uint32]any{}, left: maxPickle}
}

// broken is thrown inside the machine and caught by run.
type broken struct{ err error }

func (m *machine) fail(format string, args ...any) {
	panic(broken{fault.Inputf(op, "pickle: "+format, args...)})
}

func (m *machine) try(v any, err error) any {
	if err != nil {
		panic(broken{err})
	}
	return v
}

// run follows the pickle to its end and gives what it made.
func (m *machine) run() (v any, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case broken:
			v, err = nil, p.err
		default:
			panic(p)
		}
	}()
	for range maxOps {
		code := m.byte()
		if code == '.' {
			return m.pop(), nil
		}
		m.step(code)
	}
	m.fail("more than %d steps", maxOps)
	return nil, nil
}

func (m *machine) byte() byte {
	b, err := m.in.ReadByte()
	if err != nil {
		m.ended(err)
	}
	if m.left--; m.left < 0 {
		m.fail("more than %d bytes", maxPickle)
	}
	return b
}

func (m *machine) ended(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		m.fail("the file ends in it")
	}
	panic(broken{fault.Inputf(op, "cannot read: %w", err)})
}

// bytes reads n bytes, growing as they come.
func (m *machine) bytes(n uint64) []byte {
	if m.left -= int64(min(n, maxPickle+1)); m.left < 0 {
		m.fail("a value of %d bytes, want at most %d in all", n, maxPickle)
	}
	if n <= 1<<16 {
		p := make([]byte, n)
		if _, err := io.ReadFull(m.in, p); err != nil {
			m.ended(err)
		}
		return p
	}
	var b strings.Builder
	if k, err := io.Copy(&b, io.LimitReader(m.in, int64(n))); err != nil || uint64(k) < n {
		m.ended(or(err, io.ErrUnexpectedEOF))
	}
	return []byte(b.String())
}

func (m *machine) word(n int) uint64 {
	var w [8]byte
	copy(w[:], m.bytes(uint64(n)))
	return binary.LittleEndian.Uint64(w[:])
}

// line reads to the end of a line.
func (m *machine) line() string {
	var b strings.Builder
	for c := m.byte(); c != '\n'; c = m.byte() {
		b.WriteByte(c)
	}
	return strings.TrimSuffix(b.String(), "\r")
}

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

func (m *machine) pop() any {
	v := m.top()
	if _, ok := v.(mark); ok {
		m.fail("a mark where a value should be")
	}
	m.stack[len(m.stack)-1] = nil
	m.stack = m.stack[:len(m.stack)-1]
	return v
}

func (m *machine) top() any {
	if len(m.stack) == 0 {
		m.fail("its stack is empty")
	}
	return m.stack[len(m.stack)-1]
}

// marked takes what stands above the last mark.
func (m *machine) marked() []any {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			out := append([]any(nil), m.stack[i+1:]...)
			clear(m.stack[i:])
			m.stack = m.stack[:i]
			return out
		}
	}
	m.fail("no mark")
	return nil
}

func (m *machine) tuple(n int) {
	t := make(Tuple, n)
	for i := n - 1; i >= 0; i-- {
		t[i] = m.pop()
	}
	m.push(t)
}

// extend adds to the list on top; to anything else nothing.
func (m *machine) extend(v ...any) {
	switch l := m.top().(type) {
	case *List:
		l.Items = append(l.Items, v...)
	case Opaque: // a set
	default:
		m.fail("a list is built on %s", kindOf(l))
	}
}

// fill sets pairs of the dict on top.
func (m *machine) fill(v []any) {
	d, ok := m.top().(*Dict)
	if !ok || len(v)%2 != 0 {
		m.fail("a dict is built on %s", kindOf(m.top()))
	}
	for i := 0; i < len(v); i += 2 {
		d.Set(v[i], v[i+1])
	}
}

// call makes a value by a name of the list.
func (m *machine) call(f, args any) {
	g, ok := f.(*global)
	t, ok2 := args.(Tuple)
	switch {
	case !ok || !ok2:
		m.fail("a call of %s", kindOf(f))
	case g.make == nil:
		panic(broken{fault.Unsupportedf(op, "the file calls %q, which is not done", g.name).Next("load it with PyTorch and save its state_dict alone")})
	}
	m.push(m.try(g.make(t)))
}

func (m *machine) get(i uint64) {
	v, ok := m.memo[uint32(i)]
	if !ok || i > math.MaxUint32 {
		m.fail("no value %d was kept", i)
	}
	m.push(v)
}

func (m *machine) put(i uint64) {
	if i > maxOps {
		m.fail("a value is kept as %d", i)
	}
	m.memo[uint32(i)] = m.top()
}

func (m *machine) number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		m.fail("%.20q is no index", s)
	}
	return n
}

// long is an integer in two's complement.
func long(b []byte) any {
	if len(b) > 8 {
		return Opaque(b)
	}
	var w [8]byte
	copy(w[:], b)
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		for i := len(b); i < 8; i++ {
			w[i] = 0xff
		}
	}
	return int64(binary.LittleEndian.Uint64(w[:]))
}

// parsed is an integer in text: a bool where Python's protocol 0 writes one.
func (m *machine) parsed(s string) any {
	switch s {
	case "00":
		return false
	case "01":
		return true
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(s, "L"), 10, 64)
	if err == nil {
		return n
	}
	if errors.Is(err, strconv.ErrRange) {
		return Opaque(s)
	}
	m.fail("%.20q is no integer", s)
	return nil
}
