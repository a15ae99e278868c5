package eval

import (
	"strings"
	"unicode"
)

// Words are the tokens of Rouge-L: the text in lower case, cut into maximal
// runs of letters, marks and digits of any script; everything else separates.
// On ASCII this is rouge_score's default tokenizer without a stemmer, which
// drops other scripts.
func Words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	})
}

// RougeL is the F-measure of the longest common subsequence of words (Lin
// 2004, with β = 1):
//
//	P = lcs/|got|,  R = lcs/|want|,  F = 2·P·R/(P + R)
//
// Where neither text has a word it is 1 for the same answer, else 0.
func RougeL(got, want string) float64 {
	a, b := Words(got), Words(want)
	if len(a) == 0 && len(b) == 0 {
		if Exact(got, want) {
			return 1
		}
		return 0
	}
	n := lcs(a, b)
	if n == 0 {
		return 0
	}
	return 2 * float64(n) / float64(len(a)+len(b)) // = 2PR/(P+R)
}

// lcs is the length of the longest common subsequence.
func lcs(a, b []string) int {
	row := make([]int, len(b)+1) // of the prefix of a so far
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
