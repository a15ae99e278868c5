package skill

import "sort"

// SortSites puts sites in natural order: numbers by value, so that layer 2
// comes before layer 10.
func SortSites(s []string) { sortNatural(s) }

func sortNatural(s []string) { sort.Slice(s, func(i, j int) bool { return naturalLess(s[i], s[j]) }) }

func naturalLess(a, b string) bool {
	for a != "" && b != "" {
		if na, ra := leadingNumber(a); na >= 0 {
			if nb, rb := leadingNumber(b); nb >= 0 {
				if na != nb {
					return na < nb
				}
				a, b = ra, rb
				continue
			}
		}
		if a[0] != b[0] {
			return a[0] < b[0]
		}
		a, b = a[1:], b[1:]
	}
	return len(a) < len(b)
}

// leadingNumber splits off decimal digits; −1 when there are none.
func leadingNumber(s string) (int, string) {
	n, i := -1, 0
	for ; i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9'; i++ {
		n = max(n, 0)*10 + int(s[i]-'0')
	}
	return n, s[i:]
}
