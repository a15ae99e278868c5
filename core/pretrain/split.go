package pretrain

import (
	"encoding/binary"
	"hash/fnv"

	"handful/core/task"
)

// Held tells whether a row is kept aside: a hash of what the model reads of it
// falls into the fraction. Equal prompts fall together, and a row stays on its
// side whatever else the folder holds.
func Held(instruction string, x task.Example, fraction float64) bool {
	h := fnv.New64a()
	h.Write([]byte(key(instruction, x)))
	return float64(mixed(h.Sum64()))/(1<<64) < fraction
}

// Split parts a task's rows; with one prompt alone nothing is kept aside.
func Split(t Task, fraction float64) (train, held []task.Example) {
	for _, x := range t.Rows {
		if Held(t.Instruction, x, fraction) {
			held = append(held, x)
		} else {
			train = append(train, x)
		}
	}
	if len(train) == 0 {
		return t.Rows, nil
	}
	return train, held
}

// mixed spreads a hash's bits: the upper ones of FNV hang little on a text's end.
func mixed(x uint64) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], x)
	h := fnv.New64a()
	h.Write(b[:])
	return h.Sum64()
}
