package devicetest

import (
	"encoding/binary"
	"math"

	"handful/core/tensor"
)

// fives appends 32 values as d·q + m, q of five bits: the fifth ones first.
func fives(out []byte, v []float32, d, m float32) []byte {
	var high uint32
	low := make([]byte, 16)
	for i, x := range v {
		q := level(x, d, m, 0, 31)
		high |= uint32(q>>4) << i
		low[i%16] |= byte(q&15) << (i / 16 * 4)
	}
	return append(binary.LittleEndian.AppendUint32(out, high), low...)
}

// nearest is the place of the IQ4_NL level that is nearest to x.
func nearest(x, d float32) (best int) {
	off := func(i int) float64 { return math.Abs(float64(x - d*float32(tensor.IQ4[i]))) }
	for i := range tensor.IQ4 {
		if off(i) < off(best) {
			best = i
		}
	}
	return best
}

// superblock appends 256 values as Q4_K or, with a fifth bit, Q5_K.
func superblock(out []byte, v []float32, fifth bool) []byte {
	levels := 15
	if fifth {
		levels = 31
	}
	var step, low [8]float32
	for i := range step {
		lo, hi := float32(0), float32(0)
		for _, x := range v[32*i : 32*i+32] {
			lo, hi = min(lo, x), max(hi, x)
		}
		step[i], low[i] = (hi-lo)/float32(levels), -lo
	}
	d, e := sixBits(step[:]), sixBits(low[:])
	scales := make([]byte, 12)
	high, nib := make([]byte, 32), make([]byte, 128)
	for i := range step {
		s, m := level(step[i], d, 0, 0, 63), level(low[i], e, 0, 0, 63)
		if i < 4 {
			scales[i] |= byte(s)
			scales[i+4] |= byte(m)
		} else {
			scales[i+4] |= byte(s&15 | m&15<<4)
			scales[i-4] |= byte(s >> 4 << 6)
			scales[i] |= byte(m >> 4 << 6)
		}
		for j, x := range v[32*i : 32*i+32] {
			q := level(x, d*float32(s), -e*float32(m), 0, levels)
			nib[i/2*32+j] |= byte(q & 15 << (i % 2 * 4))
			high[j] |= byte(q >> 4 << i)
		}
	}
	out = binary.LittleEndian.AppendUint16(out, tensor.F32ToF16(d))
	out = binary.LittleEndian.AppendUint16(out, tensor.F32ToF16(e))
	out = append(out, scales...)
	if fifth {
		out = append(out, high...)
	}
	return append(out, nib...)
}

// sixBits is the f16 step that brings the largest of v to 63.
func sixBits(v []float32) float32 {
	most := float32(0)
	for _, x := range v {
		most = max(most, x)
	}
	return tensor.F16ToF32(tensor.F32ToF16(most / 63))
}

// superblock6 appends 256 values as Q6_K.
func superblock6(out []byte, v []float32) []byte {
	var most [16]float32
	all := float32(0)
	for i, x := range v {
		most[i/16] = max(most[i/16], x, -x)
		all = max(all, x, -x)
	}
	d := tensor.F16ToF32(tensor.F32ToF16(all / 31 / 127))
	low, high, scales := make([]byte, 128), make([]byte, 64), make([]byte, 16)
	for i, x := range v {
		s := level(most[i/16]/31, d, 0, 0, 127)
		q := level(x, d*float32(s), 0, -32, 31) + 32
		half, run, j := i/128, i%128/32, i%32 // two halves of four runs
		low[64*half+run%2*32+j] |= byte(q & 15 << (run / 2 * 4))
		high[32*half+j] |= byte(q >> 4 << (2 * run))
		scales[i/16] = byte(s)
	}
	out = append(append(append(out, low...), high...), scales...)
	return binary.LittleEndian.AppendUint16(out, tensor.F32ToF16(d))
}
