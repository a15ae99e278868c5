package asm

import (
	"encoding/binary"
	"math"
)

// I32 is an expression of type i32; F32 one of type f32.
type (
	I32 struct{ code []byte }
	F32 struct{ code []byte }
)

// Int is a constant.
func Int(v int) I32 { return I32{cat([]byte{0x41}, sleb(int64(int32(v))))} }

// Float is a constant.
func Float(v float32) F32 {
	return F32{binary.LittleEndian.AppendUint32([]byte{0x43}, math.Float32bits(v))}
}

func (e I32) op(code byte, b I32) I32 { return I32{cat(e.code, b.code, []byte{code})} }

func (e I32) Add(b I32) I32 { return e.op(0x6a, b) }
func (e I32) Sub(b I32) I32 { return e.op(0x6b, b) }
func (e I32) Mul(b I32) I32 { return e.op(0x6c, b) }

// Comparisons give 1 or 0; LtS is signed, LtU and GeU are unsigned.
func (e I32) Eq(b I32) I32  { return e.op(0x46, b) }
func (e I32) LtS(b I32) I32 { return e.op(0x48, b) }
func (e I32) LtU(b I32) I32 { return e.op(0x49, b) }
func (e I32) GeU(b I32) I32 { return e.op(0x4f, b) }

// And and Or work on bits.
func (e I32) And(b I32) I32 { return e.op(0x71, b) }
func (e I32) Or(b I32) I32  { return e.op(0x72, b) }

// Plus adds a constant, Shl and ShrU shift left and right.
func (e I32) Plus(c int) I32    { return e.Add(Int(c)) }
func (e I32) Shl(bits int) I32  { return e.op(0x74, Int(bits)) }
func (e I32) ShrU(bits int) I32 { return e.op(0x76, Int(bits)) }

// Min is the smaller of two unsigned values.
func (e I32) Min(b I32) I32 { return Select(e.LtU(b), e, b) }

// Select is a where cond is not 0, else b; both are evaluated.
func Select(cond, a, b I32) I32 { return I32{cat(a.code, b.code, cond.code, []byte{0x1b})} }

// F32 is the i32 converted as a signed number.
func (e I32) F32() F32 { return F32{cat(e.code, []byte{0xb2})} }

// LoadI32, LoadS8, LoadU8, LoadU16 and LoadF32 read memory at e+offset.
func (e I32) LoadI32(offset int) I32 { return I32{cat(e.code, []byte{0x28}, memarg(offset))} }
func (e I32) LoadS8(offset int) I32  { return I32{cat(e.code, []byte{0x2c}, memarg(offset))} }
func (e I32) LoadU8(offset int) I32  { return I32{cat(e.code, []byte{0x2d}, memarg(offset))} }
func (e I32) LoadU16(offset int) I32 { return I32{cat(e.code, []byte{0x2f}, memarg(offset))} }
func (e I32) LoadF32(offset int) F32 { return F32{cat(e.code, []byte{0x2a}, memarg(offset))} }

func (e F32) op(code byte, b F32) F32 { return F32{cat(e.code, b.code, []byte{code})} }

func (e F32) Add(b F32) F32 { return e.op(0x92, b) }
func (e F32) Mul(b F32) F32 { return e.op(0x94, b) }
func (e F32) Div(b F32) F32 { return e.op(0x95, b) }
func (e F32) Max(b F32) F32 { return e.op(0x97, b) }
func (e F32) Sqrt() F32     { return F32{cat(e.code, []byte{0x91})} }
func (e F32) Neg() F32      { return F32{cat(e.code, []byte{0x8c})} }
