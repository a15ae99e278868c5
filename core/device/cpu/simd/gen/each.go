package main

import "handful/core/device/cpu/simd/gen/asm"

// lanes is one round of a loop over elements: four of them, or one of the last
// ones, which then stands in all lanes when it is loaded and is stored from
// the first.
type lanes struct {
	f      *asm.Func
	whole  bool
	offset int
	part   int // which of the unrolled rounds: picks among partial sums
}

// load reads the elements at p.
func (l lanes) load(p asm.VarI32) asm.V128 {
	if l.whole {
		return p.LoadVec(l.offset)
	}
	return p.LoadSplat(0)
}

// store writes the elements at p.
func (l lanes) store(p asm.VarI32, v asm.V128) {
	if l.whole {
		l.f.StoreVec(p, l.offset, v)
	} else {
		l.f.StoreLane(p, 0, 0, v)
	}
}

// once makes v count once in a sum over lanes.
func (l lanes) once(v asm.V128) asm.V128 {
	if l.whole {
		return v
	}
	return v.And(firstLane)
}

var firstLane = asm.Lanes(0xffffffff, 0, 0, 0)

// each emits a loop over n elements, unroll vectors a round, and moves the
// pointers. It uses up n.
func each(f *asm.Func, n asm.VarI32, unroll int, pointers []asm.VarI32, body func(l lanes)) {
	round := func(l lanes, count, elements int) {
		for l.part = range count {
			body(l)
			l.offset += 16
		}
		for _, p := range pointers {
			p.Set(p.Plus(4 * elements))
		}
		n.Set(n.Plus(-elements))
	}
	for _, u := range []int{unroll, 1} {
		if u > 1 || unroll == 1 {
			f.While(n.GeU(asm.Int(4*u)), func() { round(lanes{f: f, whole: true}, u, 4*u) })
		}
	}
	f.While(n.I32, func() { round(lanes{f: f}, 1, 1) })
}

// sum is the sum of v's lanes, pairwise.
func sum(v asm.V128) asm.F32 {
	return v.Lane(0).Add(v.Lane(1)).Add(v.Lane(2).Add(v.Lane(3)))
}

// sums is the sum over all lanes of partial sums, which it adds up.
func sums(v []asm.VarV128) asm.F32 {
	for _, w := range v[1:] {
		v[0].Set(v[0].Add(w.V128))
	}
	return sum(v[0].V128)
}

// clear sets vectors to zero.
func clear(v ...asm.VarV128) {
	for _, w := range v {
		w.Set(asm.Vec(0))
	}
}
