package text

import (
	"strings"
	"unicode/utf8"
)

// The patterns of the two great families, as their tokenizer.json files write
// them. Scanners written by hand do the same some fifty times faster than a
// backtracking engine, and in time linear in the text; the tests hold them
// against the engine.
const (
	gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	gpt2Short   = `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	qwenPattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	llama3      = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// scanners gives the scanner of a pattern that has one.
var scanners = map[string]splitter{
	gpt2Pattern: scanGPT2,
	gpt2Short:   scanGPT2,
	qwenPattern: scanQwen(1),
	llama3:      scanQwen(3),
}

// scanGPT2 cuts s as gpt2Pattern does.
func scanGPT2(s string, yield func(string)) {
	for len(s) > 0 {
		n := contraction(s, false)
		if n == 0 {
			first, size := decode(s)
			if s[0] == ' ' && len(s) > 1 {
				if next, _ := decode(s[1:]); next != space {
					first = next
				}
			}
			if first == space {
				n = spaces(s)
			} else {
				n = size + run(s[size:], first)
			}
		}
		yield(s[:n])
		s = s[n:]
	}
}

// scanQwen cuts s as qwenPattern (digits 1) or llama3 (digits 3) does.
func scanQwen(digits int) splitter {
	return func(s string, yield func(string)) {
		for len(s) > 0 {
			n := qwenPiece(s, digits)
			yield(s[:n])
			s = s[n:]
		}
	}
}

func qwenPiece(s string, digits int) int {
	if n := contraction(s, true); n > 0 {
		return n
	}
	first, n := decode(s)
	switch {
	case first == letter:
		return n + run(s[n:], letter)
	case first == number:
		for range digits - 1 {
			c, size := decode(s[n:])
			if c != number {
				break
			}
			n += size
		}
		return n
	}
	next, _ := decode(s[n:])
	if next == letter && s[0] != '\r' && s[0] != '\n' { // [^\r\n\p{L}\p{N}]?\p{L}+
		return n + run(s[n:], letter)
	}
	if first == space && (s[0] != ' ' || next != other) {
		if nl := strings.LastIndexAny(s[:run(s, space)], "\r\n"); nl >= 0 { // \s*[\r\n]+
			return nl + 1
		}
		return spaces(s)
	}
	n += run(s[n:], other) // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
	for n < len(s) && (s[n] == '\r' || s[n] == '\n') {
		n++
	}
	return n
}

// decode gives the class and size of the first character of s. Past the end
// there is a space, which ends every run and follows every space.
func decode(s string) (class, int) {
	if len(s) == 0 {
		return space, 0
	}
	if s[0] < utf8.RuneSelf {
		return asciiClass[s[0]], 1
	}
	r, n := utf8.DecodeRuneInString(s)
	return classOf(r), n
}

// run is how many bytes of s are characters of class c.
func run(s string, c class) (n int) {
	for n < len(s) {
		got, size := decode(s[n:])
		if got != c {
			break
		}
		n += size
	}
	return n
}

// spaces is `\s+(?!\S)|\s+` at the start of s, which is a space: all of a run
// but the last where something follows, which may belong to the next word.
func spaces(s string) int {
	n := run(s, space)
	if n == len(s) {
		return n
	}
	if _, last := utf8.DecodeLastRuneInString(s[:n]); last < n {
		return n - last
	}
	return n
}

// contraction is the length of 's 't 're 've 'm 'll 'd at the start of s, or
// 0. With fold, case doesn't matter, and U+017F is an s too, as Unicode says.
func contraction(s string, fold bool) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	if fold && strings.HasPrefix(s[1:], "ſ") {
		return 1 + len("ſ")
	}
	lower := func(i int) byte {
		if i < len(s) && fold && 'A' <= s[i] && s[i] <= 'Z' {
			return s[i] + 'a' - 'A'
		} else if i < len(s) {
			return s[i]
		}
		return 0
	}
	switch a, b := lower(1), lower(2); {
	case a == 's', a == 't', a == 'm', a == 'd':
		return 2
	case a == 'r' && b == 'e', a == 'v' && b == 'e', a == 'l' && b == 'l':
		return 3
	}
	return 0
}
