package task

// Batches lists row indices for each of some steps.
//
// Order "file" takes rows as they are: batch k is rows kB to kB+B-1, and after
// the last row comes the first again. Any other order, "shuffle", puts a
// permutation of each epoch behind the one before, drawn from the seed and the
// epoch's number, and cuts that into batches, so a batch may reach over an
// epoch's end; a batch isn't larger than there are rows, since a row counts no
// more for being there twice.
func Batches(rows, batch, steps int, order string, seed uint64) [][]int {
	if rows < 1 || batch < 1 {
		return make([][]int, max(steps, 0))
	}
	file := order == "file"
	if !file {
		batch = min(batch, rows)
	}
	var perm []int
	next, epoch := rows, uint64(0)
	out := make([][]int, max(steps, 0))
	for s := range out {
		b := make([]int, batch)
		for i := range b {
			if next == rows {
				perm, next = make([]int, rows), 0
				for j := range perm {
					perm[j] = j
				}
				if !file {
					shuffle(newRandom(seed, forEpoch+epoch), perm)
				}
				epoch++
			}
			b[i] = perm[next]
			next++
		}
		out[s] = b
	}
	return out
}
