package eval

// Confusion counts how often a row of class g was answered with p: at [g][p],
// [classes, classes]. A pair outside the classes, such as an answer that is no
// label, is left out.
func Confusion(gold, got []int, classes int) [][]int {
	m := make([][]int, classes)
	for i := range m {
		m[i] = make([]int, classes)
	}
	for i, g := range gold {
		if p := got[i]; g >= 0 && g < classes && p >= 0 && p < classes {
			m[g][p]++
		}
	}
	return m
}
