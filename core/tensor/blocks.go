package tensor

import "encoding/binary"

// blocks are the decoders of one block b into its elements o.
var blocks = [...]func(o []float32, b []byte){Q8_0: q8, Q4_0: q4, Q4_1: q4, Q5_0: q5, Q5_1: q5, IQ4_NL: iq4, Q4_K: q4k, Q5_K: q5k, Q6_K: q6k}

// decodeBlocks widens whole blocks of a quantised type.
func decodeBlocks(dt DType, dst []float32, src []byte) {
	decode := blocks[dt]
	if decode == nil {
		panic("tensor: decode of " + dt.String())
	}
	elems, size := dt.Block()
	for ; len(dst) >= elems; dst, src = dst[elems:], src[size:] {
		decode(dst[:elems], src[:size])
	}
}

// half reads an f16.
func half(b []byte) float32 { return halfTable[binary.LittleEndian.Uint16(b)] }

func q8(o []float32, b []byte) {
	d, q := half(b), b[2:34]
	o = o[:32]
	for i := range o {
		o[i] = d * float32(int8(q[i]))
	}
}

// q4 is Q4_0, whose minimum is −8·d, and Q4_1, which stores it.
func q4(o []float32, b []byte) {
	d := half(b)
	if len(b) == 18 {
		nibbles(o, b[2:], d, -8*d)
		return
	}
	nibbles(o, b[4:], d, half(b[2:]))
}

func nibbles(o []float32, q []byte, d, m float32) {
	o, q = o[:32], q[:16]
	for i, b := range q {
		o[i] = d*float32(b&15) + m
		o[i+16] = d*float32(b>>4) + m
	}
}

// q5 is Q5_0, whose minimum is −16·d, and Q5_1, which stores it.
func q5(o []float32, b []byte) {
	d := half(b)
	m := -16 * d
	if len(b) == 24 {
		m = half(b[2:])
	}
	high, q := binary.LittleEndian.Uint32(b[len(b)-20:]), b[len(b)-16:]
	o, q = o[:32], q[:16]
	for i, b := range q {
		o[i] = d*float32(uint32(b&15)|high>>i<<4&16) + m
		o[i+16] = d*float32(uint32(b>>4)|high>>(i+16)<<4&16) + m
	}
}

// IQ4 are the levels of IQ4_NL (ggml-common.h, kvalues_iq4nl).
var IQ4 = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

func iq4(o []float32, b []byte) {
	d, q := half(b), b[2:18]
	o = o[:32]
	for i, b := range q {
		o[i] = d * float32(IQ4[b&15])
		o[i+16] = d * float32(IQ4[b>>4])
	}
}

// ScaleMin unpacks the 6-bit scale and minimum of the i-th of 8 times 32
// elements out of the 12 bytes of a Q4_K or Q5_K block (ggml-quants.c,
// get_scale_min_k4).
func ScaleMin(i int, s []byte) (scale, min uint8) {
	if i < 4 {
		return s[i] & 63, s[i+4] & 63
	}
	return s[i+4]&15 | s[i-4]>>6<<4, s[i+4]>>4 | s[i]>>6<<4
}

func q4k(o []float32, b []byte) {
	d, e := half(b), half(b[2:])
	for i := 0; i < 8; i += 2 { // two runs of 32 share 32 bytes
		s0, m0 := ScaleMin(i, b[4:16])
		s1, m1 := ScaleMin(i+1, b[4:16])
		d0, e0, d1, e1 := d*float32(s0), e*float32(m0), d*float32(s1), e*float32(m1)
		y, q := o[32*i:32*i+64], b[16+16*i:][:32]
		for j, v := range q {
			y[j] = d0*float32(v&15) - e0
			y[j+32] = d1*float32(v>>4) - e1
		}
	}
}

func q5k(o []float32, b []byte) {
	d, e, high := half(b), half(b[2:]), b[16:48]
	for i := 0; i < 8; i += 2 {
		s0, m0 := ScaleMin(i, b[4:16])
		s1, m1 := ScaleMin(i+1, b[4:16])
		d0, e0, d1, e1 := d*float32(s0), e*float32(m0), d*float32(s1), e*float32(m1)
		y, q := o[32*i:32*i+64], b[48+16*i:][:32]
		for j, v := range q {
			h := high[j] >> i
			y[j] = d0*float32(v&15|h<<4&16) - e0
			y[j+32] = d1*float32(v>>4|h<<3&16) - e1
		}
	}
}

func q6k(o []float32, b []byte) {
	d := half(b[208:])
	for i := range 2 { // of 128 elements
		low, high, scales := b[64*i:][:64], b[128+32*i:][:32], b[192+8*i:][:8]
		var s [8]float32
		for k, v := range scales {
			s[k] = d * float32(int8(v))
		}
		y := o[128*i:][:128]
		for j, h := range high {
			k := j / 16
			y[j] = s[k] * float32(int8(low[j]&15|h<<4&48)-32)
			y[j+32] = s[k+2] * float32(int8(low[j+32]&15|h<<2&48)-32)
			y[j+64] = s[k+4] * float32(int8(low[j]>>4|h&48)-32)
			y[j+96] = s[k+6] * float32(int8(low[j+32]>>4|h>>2&48)-32)
		}
	}
}
