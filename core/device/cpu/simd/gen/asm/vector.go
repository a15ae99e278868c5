package asm

import (
	"encoding/binary"
	"math"
)

// V128 is an expression of type v128. Methods mean four f32 lanes unless their
// name begins with I, four i32 lanes, or H, eight i16 lanes.
type V128 struct{ code []byte }

func simd(op uint32) []byte { return cat([]byte{0xfd}, uleb(uint64(op))) }

func (e V128) op1(op uint32) V128         { return V128{cat(e.code, simd(op))} }
func (e V128) op2(op uint32, b V128) V128 { return V128{cat(e.code, b.code, simd(op))} }
func (e V128) shift(op uint32, n int) V128 {
	return V128{cat(e.code, Int(n).code, simd(op))}
}

func load(addr I32, op uint32, offset int) V128 {
	return V128{cat(addr.code, simd(op), memarg(offset))}
}

// LoadVec reads 16 bytes at e+offset; LoadSplat 4 bytes into each lane;
// LoadZero 4 bytes into lane 0, zeros in the others.
func (e I32) LoadVec(offset int) V128   { return load(e, 0, offset) }
func (e I32) LoadSplat(offset int) V128 { return load(e, 9, offset) }
func (e I32) LoadZero(offset int) V128  { return load(e, 92, offset) }

// LoadH8S reads eight i8 and LoadI4U four u16, widened to twice their size.
func (e I32) LoadH8S(offset int) V128 { return load(e, 1, offset) }
func (e I32) LoadI4U(offset int) V128 { return load(e, 4, offset) }

// Splat is the value in each lane.
func (e F32) Splat() V128 { return V128{cat(e.code, simd(19))} }
func (e I32) Splat() V128 { return V128{cat(e.code, simd(17))} }

// Vec is a constant in each f32 lane, Bits one in each i32 lane.
func Vec(v float32) V128 { return Bits(math.Float32bits(v)) }
func Bits(v uint32) V128 { return Lanes(v, v, v, v) }

// Lanes is a constant by the bits of its 32-bit lanes.
func Lanes(lanes ...uint32) V128 {
	code := simd(12)
	for _, v := range lanes {
		code = binary.LittleEndian.AppendUint32(code, v)
	}
	return V128{code}
}

// Lane is one f32 lane.
func (e V128) Lane(i int) F32 { return F32{cat(e.code, simd(31), []byte{byte(i)})} }

// Arithmetic on f32 lanes. PMin and PMax are b < e ? b : e and e < b ? b : e,
// which are one instruction everywhere and keep a NaN of e.
func (e V128) Add(b V128) V128  { return e.op2(228, b) }
func (e V128) Sub(b V128) V128  { return e.op2(229, b) }
func (e V128) Mul(b V128) V128  { return e.op2(230, b) }
func (e V128) Div(b V128) V128  { return e.op2(231, b) }
func (e V128) PMin(b V128) V128 { return e.op2(234, b) }
func (e V128) PMax(b V128) V128 { return e.op2(235, b) }
func (e V128) Neg() V128        { return e.op1(225) }
func (e V128) Sqrt() V128       { return e.op1(227) }

// RelaxedMadd is e·b + c, rounded once or twice as the engine likes.
func (e V128) RelaxedMadd(b, c V128) V128 { return V128{cat(e.code, b.code, c.code, simd(0x105))} }

// Operations on i32 lanes, and bits. ILtS is signed.
func (e V128) IAdd(b V128) V128 { return e.op2(174, b) }
func (e V128) ISub(b V128) V128 { return e.op2(177, b) }
func (e V128) ILtS(b V128) V128 { return e.op2(57, b) }
func (e V128) IShl(n int) V128  { return e.shift(171, n) }
func (e V128) IShrS(n int) V128 { return e.shift(172, n) }
func (e V128) HShl(n int) V128  { return e.shift(139, n) }
func (e V128) HShrU(n int) V128 { return e.shift(141, n) }
func (e V128) And(b V128) V128  { return e.op2(78, b) }
func (e V128) Or(b V128) V128   { return e.op2(80, b) }

// Where takes the bits of mask from e, the others from b.
func (e V128) Where(mask, b V128) V128 {
	return V128{cat(e.code, b.code, mask.code, simd(82))}
}

// Widening: the low or high half's lanes at twice their size.
func (e V128) HLowS() V128  { return e.op1(135) }
func (e V128) HHighS() V128 { return e.op1(136) }
func (e V128) HLowU() V128  { return e.op1(137) }
func (e V128) HHighU() V128 { return e.op1(138) }
func (e V128) ILowS() V128  { return e.op1(167) }
func (e V128) IHighS() V128 { return e.op1(168) }
func (e V128) ILowU() V128  { return e.op1(169) }
func (e V128) IHighU() V128 { return e.op1(170) }

// F32s converts signed i32 lanes to f32.
func (e V128) F32s() V128 { return e.op1(250) }

// Shuffle picks 32-bit lanes: 0–3 are e's, 4–7 are b's.
func (e V128) Shuffle(b V128, lanes [4]int) V128 {
	code := cat(e.code, b.code, simd(13))
	for _, l := range lanes {
		for i := range 4 {
			code = append(code, byte(4*l+i))
		}
	}
	return V128{code}
}

// Operations on bytes: Bytes is a constant, BEq gives 255 where they are equal
// and 0 elsewhere, BShuffle picks those at the given places, Pick e's byte i for
// each byte i of b.
func Bytes(b [16]byte) V128              { return V128{cat(simd(12), b[:])} }
func (e V128) BEq(b V128) V128           { return e.op2(35, b) }
func (e V128) BShuffle(at [16]byte) V128 { return V128{cat(e.code, e.code, simd(13), at[:])} }
func (e V128) Pick(b V128) V128          { return e.op2(14, b) }

// SplatLane is lane i in each lane.
func (e V128) SplatLane(i int) V128 { return e.Shuffle(e, [4]int{i, i, i, i}) }
