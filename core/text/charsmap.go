package text

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"handful/core/fault"
)

// charsmap is sentencepiece's precompiled normaliser: a double-array trie
// (Darts) from byte sequences to places in a text of replacements, each of which
// ends at a zero byte.
type charsmap struct {
	trie []uint32
	text []byte
}

// newCharsmap reads the trie's size in bytes (u32), the trie and the text.
func newCharsmap(op string, b []byte) (*charsmap, error) {
	const hint = "download the file again"
	if len(b) < 4 {
		return nil, fault.Inputf(op, "precompiled_charsmap of %d bytes, want a trie and a text", len(b)).Next(hint)
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if n == 0 || n%4 != 0 || int64(n) > int64(len(b)) {
		return nil, fault.Inputf(op, "precompiled_charsmap: a trie of %d bytes in %d, want a multiple of 4 within", n, len(b)).Next(hint)
	}
	m := &charsmap{trie: make([]uint32, n/4), text: b[n:]}
	for i := range m.trie {
		m.trie[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	if !utf8.Valid(m.text) {
		return nil, fault.Inputf(op, "precompiled_charsmap: its text is not UTF-8").Next(hint)
	}
	return m, nil
}

// prefix finds what s begins with, the longest or the shortest that is in the
// map, and what that becomes.
func (m *charsmap) prefix(s string, longest bool) (to []byte, n int, ok bool) {
	at := uint32(0)
	unit := m.trie[0]
	move := func() { at ^= unit >> 10 << ((unit & (1 << 9)) >> 6) }
	move()
	for i := 0; i < len(s) && s[i] != 0; i++ {
		at ^= uint32(s[i])
		if at >= uint32(len(m.trie)) {
			break
		}
		if unit = m.trie[at]; unit&(1<<31|0xff) != uint32(s[i]) {
			break
		}
		move()
		if unit>>8&1 == 0 || at >= uint32(len(m.trie)) {
			continue
		}
		if value := m.trie[at] & (1<<31 - 1); value < uint32(len(m.text)) {
			to, n, ok = m.text[value:], i+1, true
			if !longest {
				break
			}
		}
	}
	if end := bytes.IndexByte(to, 0); end >= 0 {
		to = to[:end]
	}
	return to, n, ok
}

// byGraphemes normalises as HF's Precompiled does: a user-perceived character of
// fewer than six bytes becomes what its shortest prefix in the map does, and is
// gone with it; of others each code point by itself.
func (m *charsmap) byGraphemes(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for state := -1; s != ""; {
		var g string
		g, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		if len(g) < 6 {
			if to, _, ok := m.prefix(g, false); ok {
				b.Write(to)
				continue
			}
		}
		for _, r := range g {
			c := string(r)
			if to, _, ok := m.prefix(c, false); ok {
				b.Write(to)
			} else {
				b.WriteString(c)
			}
		}
	}
	return b.String()
}
