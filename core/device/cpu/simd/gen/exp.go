package main

import "handful/core/device/cpu/simd/gen/asm"

// exp gives eˣ in each lane within 2 ulp: x = n·ln 2 + r with |r| ≤ ½ ln 2, eʳ
// by the polynomial of Cephes' expf, 2ⁿ by way of the exponent bits, in two
// factors so that results down to the subnormals and up to infinity are right.
// NaN stays NaN. The variables it works in are made once per function.
func (k *kernels) exp(f *asm.Func) func(x asm.V128) asm.V128 {
	const (
		log2e    = 1.44269504088896341
		ln2High  = 0.693359375 // few bits, so that n·ln2High is exact
		ln2Low   = -2.12194440e-4
		shift    = 3 << 22 // adding it rounds to an integer, in the low bits
		shiftBit = 0x4b400000
		lowest   = -104 // e to this is 0
		highest  = 89   // e to this is infinite
	)
	r, t, n, p := f.Vec(), f.Vec(), f.Vec(), f.Vec()
	return func(x asm.V128) asm.V128 {
		r.Set(x.PMin(asm.Vec(highest)).PMax(asm.Vec(lowest)))
		t.Set(k.madd(r.V128, asm.Vec(log2e), asm.Vec(shift)))
		n.Set(t.Sub(asm.Vec(shift)))
		r.Set(k.madd(n.V128, asm.Vec(-ln2High), r.V128))
		r.Set(k.madd(n.V128, asm.Vec(-ln2Low), r.V128))
		p.Set(asm.Vec(1.9875691500e-4))
		for _, c := range []float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1} {
			p.Set(k.madd(p.V128, r.V128, asm.Vec(c)))
		}
		p.Set(k.madd(p.V128, r.Mul(r.V128), r.V128).Add(asm.Vec(1)))
		t.Set(t.ISub(asm.Bits(shiftBit))) // n as an integer
		n.Set(t.IShrS(1))
		power := func(n asm.V128) asm.V128 { return n.IAdd(asm.Bits(127)).IShl(23) }
		return p.Mul(power(n.V128)).Mul(power(t.ISub(n.V128)))
	}
}

// sigmoid gives 1/(1+e⁻ˣ) in each lane.
func (k *kernels) sigmoid(f *asm.Func) func(x asm.V128) asm.V128 {
	exp := k.exp(f)
	return func(x asm.V128) asm.V128 {
		one := asm.Vec(1)
		return one.Div(exp(x.Neg()).Add(one))
	}
}
