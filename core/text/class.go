package text

import "unicode"

// class is what the pre-tokenizers' patterns ask of a character.
type class uint8

const (
	other  class = iota // [^\s\p{L}\p{N}]
	letter              // \p{L}
	number              // \p{N}
	space               // \s
)

var asciiClass [128]class

func init() {
	for r := range asciiClass {
		asciiClass[r] = lookup(rune(r))
	}
}

func classOf(r rune) class {
	if r < 128 {
		return asciiClass[r]
	}
	return lookup(r)
}

func lookup(r rune) class {
	switch {
	case unicode.IsLetter(r), unicode.Is(newLetters, r):
		return letter
	case unicode.IsNumber(r), unicode.Is(newNumbers, r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// isDigit is what the Digits pre-tokenizer takes for a digit: Rust's
// is_numeric, which follows a newer Unicode than HF's regular expressions.
func isDigit(r rune) bool { return classOf(r) == number || unicode.Is(newerNumbers, r) }

// isWord is \w of Rust's regular expressions, the border of single_word tokens.
func isWord(r rune) bool {
	return classOf(r) == letter || r == 0x200c || r == 0x200d ||
		unicode.In(r, unicode.M, unicode.Nd, unicode.Nl, unicode.Other_Alphabetic, unicode.Pc)
}

// What Unicode 16 (HF's \p{L} and \p{N}) and 17 (its is_numeric) have beyond
// Go's tables, which are Unicode 15. The test compares every code point.
var (
	newLetters = &unicode.RangeTable{
		R16: []unicode.Range16{{0x1c89, 0x1c8a, 1}, {0xa7cb, 0xa7cd, 1}, {0xa7da, 0xa7dc, 1}},
		R32: []unicode.Range32{
			{0x105c0, 0x105f3, 1}, {0x10d4a, 0x10d65, 1}, {0x10d6f, 0x10d85, 1}, {0x10ec2, 0x10ec4, 1},
			{0x11380, 0x11389, 1}, {0x1138b, 0x1138b, 1}, {0x1138e, 0x1138e, 1}, {0x11390, 0x113b5, 1},
			{0x113b7, 0x113b7, 1}, {0x113d1, 0x113d1, 1}, {0x113d3, 0x113d3, 1}, {0x11bc0, 0x11be0, 1},
			{0x13460, 0x143fa, 1}, {0x16100, 0x1611d, 1}, {0x16d40, 0x16d6c, 1}, {0x18cff, 0x18cff, 1},
			{0x1e5d0, 0x1e5ed, 1}, {0x1e5f0, 0x1e5f0, 1}, {0x2ebf0, 0x2ee5d, 1},
		},
	}
	newNumbers = &unicode.RangeTable{R32: []unicode.Range32{
		{0x10d40, 0x10d49, 1}, {0x116d0, 0x116e3, 1}, {0x11bf0, 0x11bf9, 1}, {0x16130, 0x16139, 1},
		{0x16d70, 0x16d79, 1}, {0x1ccf0, 0x1ccf9, 1}, {0x1e5f1, 0x1e5fa, 1},
	}}
	newerNumbers = &unicode.RangeTable{R32: []unicode.Range32{{0x11de0, 0x11de9, 1}, {0x16ff4, 0x16ff6, 1}}}
)
