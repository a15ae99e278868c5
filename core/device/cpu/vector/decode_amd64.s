#include "textflag.h"

DATA ·low4+0(SB)/8, $0x0F0F0F0F0F0F0F0F
DATA ·low4+8(SB)/8, $0x0F0F0F0F0F0F0F0F
GLOBL ·low4(SB), RODATA|NOPTR, $16

DATA ·minus8+0(SB)/4, $-8.0
GLOBL ·minus8(SB), RODATA|NOPTR, $4

// The f16 at, as 8 floats in y, whose lower half is x.
#define HALF(at, x, y) \
	MOVWLZX      at, AX   \
	VMOVD        AX, x    \
	VCVTPH2PS    x, x     \
	VBROADCASTSS x, y

// Eight bytes of x to d·q + m. No FMA: the bits are those of tensor.Decode.
#define NIBBLES(x, at) \
	VPMOVZXBD x, Y5      \
	VCVTDQ2PS Y5, Y5     \
	VMULPS    Y0, Y5, Y5 \
	VADDPS    Y1, Y5, Y5 \
	VMOVUPS   Y5, at(DI)

// func q4(blocks int, y *float32, x *byte, size int)
TEXT ·q4(SB), NOSPLIT, $0-32
	MOVQ         blocks+0(FP), CX
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	MOVQ         size+24(FP), R8
	VMOVDQU      ·low4(SB), X15
	VBROADCASTSS ·minus8(SB), Y14

block:
	HALF((SI), X0, Y0)
	CMPQ   R8, $18
	JEQ    symmetric
	HALF(2(SI), X1, Y1)
	JMP    both

symmetric:
	VMULPS Y14, Y0, Y1

both:
	VMOVDQU -16(SI)(R8*1), X2
	VPAND   X15, X2, X3
	VPSRLW  $4, X2, X4
	VPAND   X15, X4, X4
	NIBBLES(X3, 0)
	VPSRLDQ $8, X3, X3
	NIBBLES(X3, 32)
	NIBBLES(X4, 64)
	VPSRLDQ $8, X4, X4
	NIBBLES(X4, 96)
	ADDQ    $128, DI
	ADDQ    R8, SI
	DECQ    CX
	JNZ     block
	VZEROUPPER
	RET

#define BYTES(from, at) \
	VPMOVSXBD from(SI), Y5 \
	VCVTDQ2PS Y5, Y5       \
	VMULPS    Y0, Y5, Y5   \
	VMOVUPS   Y5, at(DI)

// func q8(blocks int, y *float32, x *byte)
TEXT ·q8(SB), NOSPLIT, $0-24
	MOVQ blocks+0(FP), CX
	MOVQ y+8(FP), DI
	MOVQ x+16(FP), SI

block:
	HALF((SI), X0, Y0)
	BYTES(2, 0)
	BYTES(10, 32)
	BYTES(18, 64)
	BYTES(26, 96)
	ADDQ $128, DI
	ADDQ $34, SI
	DECQ CX
	JNZ  block
	VZEROUPPER
	RET

// func f16(n int, y *float32, x *byte)
TEXT ·f16(SB), NOSPLIT, $0-24
	MOVQ n+0(FP), CX
	MOVQ y+8(FP), DI
	MOVQ x+16(FP), SI

eight:
	VCVTPH2PS (SI), Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JNZ       eight
	VZEROUPPER
	RET
