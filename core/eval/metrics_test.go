package eval

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// golden is what scripts/eval_golden.py computed.
type golden struct {
	Rouge []struct {
		Got, Want string
		Words     []string
		F         float64
	}
	Classes []struct {
		Gold, Got []int
		Classes   int
		Balanced  float64
		Confusion [][]int
	}
	Tests []struct {
		X       []float64
		T, Sign float64
	}
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Rouge) == 0 || len(g.Classes) == 0 || len(g.Tests) == 0 {
		t.Fatal("the golden file is empty")
	}
	return g
}

func near(a, b, tol float64) bool { return math.Abs(a-b) <= tol }

func TestRougeGolden(t *testing.T) {
	for _, c := range readGolden(t).Rouge {
		if got := Words(c.Got); !slices.Equal(got, c.Words) {
			t.Errorf("Words(%q) = %q, want %q", c.Got, got, c.Words)
		}
		if got := RougeL(c.Got, c.Want); !near(got, c.F, 1e-12) {
			t.Errorf("RougeL(%q, %q) = %v, want %v", c.Got, c.Want, got, c.F)
		}
	}
}

func TestRougeByHand(t *testing.T) {
	for _, c := range []struct {
		got, want string
		f         float64
	}{
		{"police killed the gunman", "police kill the gunman", 0.75}, // lcs 3 of 4 and 4
		{"the gunman kill police", "police killed the gunman", 0.5},  // lcs 2
		{"Police", "police.", 1},
		{"", "", 1},
		{"+", "+", 1},
		{"+", "-", 0},
		{"", "police", 0},
		{"a b c", "b", 0.5}, // P 1/3, R 1
	} {
		if got := RougeL(c.got, c.want); !near(got, c.f, 1e-12) {
			t.Errorf("RougeL(%q, %q) = %v, want %v", c.got, c.want, got, c.f)
		}
	}
}

func TestClassesGolden(t *testing.T) {
	for _, c := range readGolden(t).Classes {
		hits := make([]bool, len(c.Gold))
		right := 0
		for i := range hits {
			if hits[i] = c.Gold[i] == c.Got[i]; hits[i] {
				right++
			}
		}
		if got := Balanced(c.Gold, hits); !near(got, c.Balanced, 1e-12) {
			t.Errorf("balanced %v, want %v", got, c.Balanced)
		}
		if got, want := Accuracy(hits), float64(right)/float64(len(hits)); got != want {
			t.Errorf("accuracy %v, want %v", got, want)
		}
		m := Confusion(c.Gold, c.Got, c.Classes)
		for g := range m {
			if !slices.Equal(m[g], c.Confusion[g]) {
				t.Errorf("confusion of class %d: %v, want %v", g, m[g], c.Confusion[g])
			}
		}
	}
	if m := Confusion([]int{0, 1, 1}, []int{0, -1, 2}, 2); m[0][0] != 1 || m[1][0]+m[1][1] != 0 {
		t.Errorf("answers that are no class count: %v", m)
	}
}

func TestEdges(t *testing.T) {
	if Accuracy(nil) != 0 || Mean(nil) != 0 || Balanced([]int(nil), nil) != 0 {
		t.Error("metrics of nothing want 0")
	}
	if !Exact(" a  b\n", "a b") || Exact("A", "a") || Exact("ab", "a b") {
		t.Error("exact match: white space at the ends and its amount don't count, all else does")
	}
}
