package torch

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"

	"handful/core/fault"
)

// step does what one byte of a pickle says.
func (m *machine) step(code byte) {
	switch code {
	case 0x80: // PROTO
		if v := m.byte(); v > 5 {
			panic(broken{fault.Unsupportedf(op, "pickle protocol %d, want at most 5", v)})
		}
	case 0x95: // FRAME: its length is of no use
		m.word(8)

	case 'N':
		m.push(nil)
	case 0x88:
		m.push(true)
	case 0x89:
		m.push(false)
	case 'I', 'L':
		m.push(m.parsed(m.line()))
	case 'J':
		m.push(int64(int32(m.word(4))))
	case 'K':
		m.push(int64(m.word(1)))
	case 'M':
		m.push(int64(m.word(2)))
	case 0x8a: // LONG1
		m.push(long(m.bytes(m.word(1))))
	case 0x8b: // LONG4
		m.push(long(m.bytes(m.word(4))))
	case 'F':
		f, err := strconv.ParseFloat(m.line(), 64)
		if err != nil {
			m.fail("a malformed float")
		}
		m.push(f)
	case 'G': // big-endian
		m.push(math.Float64frombits(bits.ReverseBytes64(m.word(8))))

	case 'U': // SHORT_BINSTRING, of Python 2
		m.push(string(m.bytes(m.word(1))))
	case 'T':
		m.push(string(m.bytes(m.word(4))))
	case 'S':
		m.push(m.quoted(m.line()))
	case 'C':
		m.push(m.bytes(m.word(1)))
	case 'B':
		m.push(m.bytes(m.word(4)))
	case 0x8e, 0x96: // BINBYTES8, BYTEARRAY8
		m.push(m.bytes(m.word(8)))
	case 0x8c:
		m.push(m.text(m.bytes(m.word(1))))
	case 'X':
		m.push(m.text(m.bytes(m.word(4))))
	case 0x8d:
		m.push(m.text(m.bytes(m.word(8))))
	case 'V':
		m.push(m.line()) // with escapes left as they are: only old and odd files have them

	case '(':
		m.push(mark{})
	case '0':
		if _, ok := m.top().(mark); ok {
			m.stack = m.stack[:len(m.stack)-1]
		} else {
			m.pop()
		}
	case '1':
		m.marked()
	case '2':
		m.push(m.top())

	case ']':
		m.push(&List{})
	case 'l':
		m.push(&List{m.marked()})
	case 'a':
		v := m.pop()
		m.extend(v)
	case 'e':
		v := m.marked()
		m.extend(v...)
	case ')':
		m.push(Tuple{})
	case 't':
		m.push(Tuple(m.marked()))
	case 0x85, 0x86, 0x87:
		m.tuple(int(code) - 0x84)
	case '}':
		m.push(&Dict{})
	case 'd':
		v := m.marked()
		m.push(&Dict{})
		m.fill(v)
	case 's':
		v, k := m.pop(), m.pop()
		m.fill([]any{k, v})
	case 'u':
		v := m.marked()
		m.fill(v)
	case 0x8f: // EMPTY_SET
		m.push(Opaque("set"))
	case 0x90: // ADDITEMS
		v := m.marked()
		m.extend(v...)
	case 0x91: // FROZENSET
		m.marked()
		m.push(Opaque("set"))

	case 'p':
		m.put(m.number(m.line()))
	case 'q':
		m.put(m.word(1))
	case 'r':
		m.put(m.word(4))
	case 0x94: // MEMOIZE
		m.put(uint64(len(m.memo)))
	case 'g':
		m.get(m.number(m.line()))
	case 'h':
		m.get(m.word(1))
	case 'j':
		m.get(m.word(4))

	case 'c':
		module := m.line()
		m.push(m.global(module, m.line()))
	case 0x93: // STACK_GLOBAL
		name, module := m.pop(), m.pop()
		a, ok := module.(string)
		b, ok2 := name.(string)
		if !ok || !ok2 {
			m.fail("a name of %s", kindOf(name))
		}
		m.push(m.global(a, b))
	case 'R', 0x81: // REDUCE, NEWOBJ
		args := m.pop()
		m.call(m.pop(), args)
	case 'b': // BUILD: the attributes of an OrderedDict, such as state_dict's _metadata
		m.pop()
		if _, ok := m.top().(*Dict); !ok {
			m.fail("attributes are set on %s", kindOf(m.top()))
		}
	case 'P':
		m.push(m.try(m.persistent(m.line())))
	case 'Q':
		m.push(m.try(m.persistent(m.pop())))
	default: // INST, OBJ, NEWOBJ_EX, EXT, NEXT_BUFFER, READONLY_BUFFER: torch.save writes none
		panic(broken{fault.Unsupportedf(op, "pickle step 0x%02x, which torch.save does not write", code).Next("load it with PyTorch and save its state_dict alone")})
	}
}

func (m *machine) global(module, name string) *global {
	g, err := find(module, name)
	if err != nil {
		panic(broken{err})
	}
	return g
}

func (m *machine) text(b []byte) string {
	if !utf8.Valid(b) {
		return strings.ToValidUTF8(string(b), "�") // lone surrogates, which Python lets through
	}
	return string(b)
}

// quoted is a string as Python 2's repr wrote it.
func (m *machine) quoted(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		m.fail("a string without quotes")
	}
	return s[1 : len(s)-1]
}
