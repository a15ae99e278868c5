package pretrain

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"handful/core/skill"
)

// Sampling says how batches are drawn: Groups task groups a step, each of up to
// Rows rows of one task.
type Sampling struct {
	Groups, Rows, Steps int
	Seed                uint64
}

// Batches draws one batch a step, as indices of rows; row i belongs to task
// taskOf[i] and has tokens[i] tokens. family tells which tasks are drawn as one.
//
// Families come in turn, by a new permutation each round, so each is drawn as
// often as another whatever its number of tasks or rows. In a family its tasks
// come in turn likewise, and of a task its rows: each once before any twice, in
// pieces of rows of like length, so that a piece takes what its rows take.
func Batches(taskOf, tokens []int, family []string, s Sampling) [][]int {
	r := skill.Rand(s.Seed ^ 0x6261746368)
	names := map[string]int{}
	var members [][]int // tasks of each family
	pieces := make([]*turns[[]int], len(family))
	rows := make([][]int, len(family))
	for i, t := range taskOf {
		rows[t] = append(rows[t], i)
	}
	for t, f := range family {
		if len(rows[t]) == 0 {
			continue
		}
		i, ok := names[f]
		if !ok {
			i = len(members)
			names[f] = i
			members = append(members, nil)
		}
		members[i] = append(members[i], t)
		pieces[t] = &turns[[]int]{deal: func() [][]int { return cut(r, rows[t], tokens, s.Rows) }}
	}
	tasks := make([]*turns[int], len(members))
	for i, m := range members {
		tasks[i] = &turns[int]{deal: func() []int { return shuffled(r, m) }}
	}
	all := make([]int, len(members))
	for i := range all {
		all[i] = i
	}
	families := &turns[int]{deal: func() []int { return shuffled(r, all) }}
	out := make([][]int, s.Steps)
	for k := range out {
		for range s.Groups {
			out[k] = append(out[k], pieces[tasks[families.next()].next()].next()...)
		}
	}
	return out
}

// turns gives what deal deals, one by one, and deals anew when all is given.
type turns[T any] struct {
	deal func() []T
	left []T
}

func (t *turns[T]) next() T {
	if len(t.left) == 0 {
		t.left = t.deal()
	}
	x := t.left[0]
	t.left = t.left[1:]
	return x
}

// cut parts rows into pieces of up to n rows of like length, in random order.
func cut(r *rand.Rand, rows, tokens []int, n int) (pieces [][]int) {
	rows = shuffled(r, rows)
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(tokens[a], tokens[b]) })
	for len(rows) > 0 {
		k := min(n, len(rows))
		pieces, rows = append(pieces, rows[:k]), rows[k:]
	}
	return shuffled(r, pieces)
}

func shuffled[T any](r *rand.Rand, x []T) []T {
	x = slices.Clone(x)
	r.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
	return x
}
