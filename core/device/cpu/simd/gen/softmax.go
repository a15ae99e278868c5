package main

import (
	"math"

	"handful/core/device/cpu/simd/gen/asm"
)

// softmax emits, over n elements,
//
//	max(x, n)                 the largest, −∞ of none
//	exp_sum(dst, x, n, shift) dst = e^(x − shift), and the sum of it
//
// and over rows of scores, ld elements apart,
//
//	softmax(s, span, rows, cols, ld, first)
//	    softmax within the columns [span[0]−first, span[1]−first) of each row,
//	    cut to cols, and 0 outside; span holds two i32 per row
//	logsumexp(x, out, rows, cols, ld)
//	    out [rows, 2] = max and Σ e^(x − max) of each row
func (k *kernels) softmax() {
	f := k.Func("max")
	x, n := f.Arg(), f.Arg()
	f.ReturnF32(largest(f, x, n))

	f = k.Func("exp_sum")
	dst, x, n := f.Arg(), f.Arg(), f.Arg()
	shift := f.LetVec(f.ArgF32().Splat())
	f.ReturnF32(k.expSum(f, x, n, shift, &dst))

	k.softmaxRows()

	f = k.Func("logsumexp")
	x = f.Arg()
	out, rows, cols, ld := f.Arg(), f.Arg(), f.Arg(), f.Arg()
	p, n, most, total := f.Int(), f.Int(), f.Vec(), f.Float()
	f.While(rows.I32, func() {
		p.Set(x.I32)
		n.Set(cols.I32)
		most.Set(largest(f, p, n).Splat())
		p.Set(x.I32)
		n.Set(cols.I32)
		total.Set(k.expSum(f, p, n, most, nil))
		f.StoreLane(out, 0, 0, most.V128)
		f.StoreF32(out, 4, total.F32)
		out.Set(out.Plus(8))
		x.Set(x.Add(ld.Shl(2)))
		rows.Set(rows.Plus(-1))
	})
}

func (k *kernels) softmaxRows() {
	f := k.Func("softmax")
	s, span, rows, cols, ld, first := f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg(), f.Arg()
	lo, hi, p, q, n := f.Int(), f.Int(), f.Int(), f.Int(), f.Int()
	v := f.Vec()
	zero := asm.Int(0)
	// within cuts a column to [from, cols].
	within := func(column, from asm.I32) asm.I32 {
		low := asm.Select(column.LtS(from), from, column)
		return asm.Select(cols.LtS(low), cols.I32, low)
	}
	f.While(rows.I32, func() {
		lo.Set(span.LoadI32(0).Sub(first.I32))
		lo.Set(within(lo.I32, zero))
		hi.Set(span.LoadI32(4).Sub(first.I32))
		hi.Set(within(hi.I32, lo.I32))
		f.Fill(s.I32, lo.Shl(2))
		f.Fill(s.Add(hi.Shl(2)), cols.Sub(hi.I32).Shl(2))
		f.If(lo.LtU(hi.I32), func() {
			start := func() {
				p.Set(s.Add(lo.Shl(2)))
				n.Set(hi.Sub(lo.I32))
			}
			start()
			v.Set(largest(f, p, n).Splat())
			start()
			q.Set(p.I32)
			v.Set(asm.Float(1).Div(k.expSum(f, p, n, v, &q)).Splat())
			start()
			each(f, n, 2, []asm.VarI32{p}, func(l lanes) { l.store(p, l.load(p).Mul(v.V128)) })
		})
		s.Set(s.Add(ld.Shl(2)))
		span.Set(span.Plus(8))
		rows.Set(rows.Plus(-1))
	})
}

// largest emits the largest of n elements at x.
func largest(f *asm.Func, x, n asm.VarI32) asm.F32 {
	acc := f.Vecs(2)
	for _, a := range acc {
		a.Set(asm.Vec(float32(math.Inf(-1))))
	}
	each(f, n, 2, []asm.VarI32{x}, func(l lanes) {
		a := acc[l.part]
		a.Set(a.PMax(l.load(x)))
	})
	a := acc[0]
	a.Set(a.PMax(acc[1].V128))
	a.Set(a.PMax(a.Shuffle(a.V128, [4]int{2, 3, 0, 1})))
	return a.Lane(0).Max(a.Lane(1))
}

// expSum emits the sum of e^(x − shift) over n elements, and where dst is not
// nil writes the terms.
func (k *kernels) expSum(f *asm.Func, x, n asm.VarI32, shift asm.VarV128, dst *asm.VarI32) asm.F32 {
	exp, acc, e := k.exp(f), f.Vec(), f.Vec()
	clear(acc)
	pointers := []asm.VarI32{x}
	if dst != nil {
		pointers = append(pointers, *dst)
	}
	each(f, n, 1, pointers, func(l lanes) {
		e.Set(exp(l.load(x).Sub(shift.V128)))
		acc.Set(acc.Add(l.once(e.V128)))
		if dst != nil {
			l.store(*dst, e.V128)
		}
	})
	return sum(acc.V128)
}
