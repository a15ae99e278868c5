package text

import (
	"strings"
	"unicode/utf8"
)

// Byte-level vocabularies write each byte as one printable character: those
// that print stand for themselves, the other 68 are U+0100 and on, in order
// (OpenAI's bytes_to_unicode).
var (
	byteRune [256]rune
	runeByte = map[rune]byte{}
)

func init() {
	next := rune(256)
	for b := range byteRune {
		r := rune(b)
		if r < '!' || r > '~' && r < 0xa1 || r == 0xad {
			r, next = next, next+1
		}
		byteRune[b], runeByte[r] = r, byte(b)
	}
}

// appendBytes adds the bytes that a token stands for. A token with any
// character outside the table, as added ones may be, stands for itself.
func appendBytes(dst []byte, token string) []byte {
	n := len(dst)
	for _, r := range token {
		b, ok := runeByte[r]
		if !ok {
			return append(dst[:n], token...)
		}
		dst = append(dst, b)
	}
	return dst
}

// toText turns bytes into UTF-8, with one U+FFFD for each longest piece that
// begins a character and doesn't end it, or for a byte that begins none (what
// Rust and the WHATWG decoder do). Unless last, a beginning at the very end is
// left, and rest says how many bytes it has.
func toText(b []byte, last bool) (s string, rest int) {
	if utf8.Valid(b) {
		return string(b), 0
	}
	var out strings.Builder
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(b[i:]) {
				if !last {
					return out.String(), len(b) - i
				}
				n = len(b) - i
			} else {
				for !utf8.FullRune(b[i : i+n]) {
					n++
				}
				n = max(1, n-1)
			}
		}
		out.WriteRune(r)
		i += n
	}
	return out.String(), 0
}
