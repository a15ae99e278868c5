package text

// A rule says that two neighbours become one token; the lowest rank goes first.
type rule struct{ rank, id int32 }

func pairOf(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// merge applies the rules to sym, in place: always the rule of lowest rank, and
// of its places the first. A heap of places and a list of neighbours keep this
// at n log n, also for a line of a million letters.
//
// Heap keys are rank<<32 | place. One whose place has changed since is dropped
// when the pair now there doesn't become what its rule makes; so does HF.
func (t *BPE) merge(sym []int32) []int32 {
	n := len(sym)
	if n < 2 {
		return sym
	}
	links := make([]int32, 2*n)
	prev, next := links[:n], links[n:]
	keys := make(heap, 0, n)
	for i := range sym {
		prev[i], next[i] = int32(i-1), int32(i+1)
		if i+1 < n {
			if r, ok := t.rules[pairOf(sym[i], sym[i+1])]; ok {
				keys = append(keys, uint64(r.rank)<<32|uint64(i))
			}
		}
	}
	next[n-1] = -1
	keys.init()
	const gone = -1
	for len(keys) > 0 {
		key := keys.pop()
		i := int32(uint32(key))
		j := next[i]
		if sym[i] == gone || j < 0 {
			continue
		}
		r, ok := t.rules[pairOf(sym[i], sym[j])]
		if !ok || r.id != t.made[key>>32] {
			continue
		}
		sym[i], sym[j], next[i] = r.id, gone, next[j]
		if k := next[i]; k >= 0 {
			prev[k] = i
			if r, ok := t.rules[pairOf(sym[i], sym[k])]; ok {
				keys.push(uint64(r.rank)<<32 | uint64(i))
			}
		}
		if h := prev[i]; h >= 0 {
			if r, ok := t.rules[pairOf(sym[h], sym[i])]; ok {
				keys.push(uint64(r.rank)<<32 | uint64(h))
			}
		}
	}
	out := sym[:0]
	for i := int32(0); i >= 0; i = next[i] {
		out = append(out, sym[i])
	}
	return out
}

// heap is a binary heap, least first.
type heap []uint64

func (h heap) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h *heap) push(k uint64) {
	*h = append(*h, k)
	a := *h
	for i := len(a) - 1; i > 0; {
		up := (i - 1) / 2
		if a[up] <= a[i] {
			break
		}
		a[up], a[i], i = a[i], a[up], up
	}
}

func (h *heap) pop() uint64 {
	a := *h
	top, end := a[0], len(a)-1
	a[0] = a[end]
	*h = a[:end]
	h.down(0)
	return top
}

func (h heap) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if h[i] <= h[c] {
			return
		}
		h[i], h[c], i = h[c], h[i], c
	}
}
