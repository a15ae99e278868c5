package skill

import (
	"fmt"
	"strconv"
	"strings"

	"handful/core/fault"
)

// CheckSites holds an adapter's sites against a base's (name → in, out; 0 is
// any size, where the adapter does not tell). The fault lists, site by site,
// what the adapter has and what the base wants.
func CheckSites(op string, sites []string, dims, base map[string][2]int, targets []string, regex bool) error {
	named, err := NewMatcher(targets, regex)
	if err != nil {
		return err
	}
	var bad []string
	for _, s := range sites {
		if b, ok := base[s]; !ok {
			bad = append(bad, fmt.Sprintf("%s: got %s, want no such site", s, arrow(dims[s])))
		} else if !fits(dims[s], b) {
			bad = append(bad, fmt.Sprintf("%s: got %s, want %s", s, arrow(dims[s]), arrow(b)))
		}
	}
	for s, b := range base {
		ok, err := named.Match(s)
		if err != nil {
			return err
		}
		if _, have := dims[s]; ok && !have {
			bad = append(bad, fmt.Sprintf("%s: got nothing, want %s", s, arrow(b)))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	sortNatural(bad)
	shown := bad[:min(4, len(bad))]
	more := ""
	if len(bad) > len(shown) {
		more = fmt.Sprintf(" | and %d more", len(bad)-len(shown))
	}
	return fault.Inputf(op, "%d of %d sites do not fit the base: %s%s", len(bad), max(len(sites), len(base)), strings.Join(shown, " | "), more).
		Next("use the base that the adapter was made for")
}

// divisors lists the first few numbers that divide both.
func divisors(a, b int) string {
	var out []string
	for n := 1; n <= min(a, b) && len(out) < 8; n++ {
		if a%n == 0 && b%n == 0 {
			out = append(out, strconv.Itoa(n))
		}
	}
	return strings.Join(out, ", ")
}

func fits(got, base [2]int) bool {
	return (got[0] == base[0] || got[0] == 0) && (got[1] == base[1] || got[1] == 0)
}

func arrow(d [2]int) string { return size(d[0]) + "→" + size(d[1]) }

func size(n int) string {
	if n == 0 {
		return "*"
	}
	return strconv.Itoa(n)
}

// CheckSplits says which site the heads do not divide.
func (inv *Inventory) CheckSplits() error {
	for _, s := range inv.Sites {
		d := inv.Dims[s]
		if inv.Splits < 1 || d[0]%inv.Splits != 0 || d[1]%inv.Splits != 0 {
			return fault.Inputf("inventory", "n_splits %d does not divide %s of %s", inv.Splits, arrow(d), s).
				Next("use one of %s", divisors(d[0], d[1]))
		}
	}
	return nil
}
