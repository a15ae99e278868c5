#include "textflag.h"

// One column of A's strip, in a lane of V28 or V29, times a row of B's.
#define ROW(lane, c0, c1, c2, c3) \
	VDUP  lane, V30.S4            \
	VFMLA V24.S4, V30.S4, c0.S4 \
	VFMLA V25.S4, V30.S4, c1.S4 \
	VFMLA V26.S4, V30.S4, c2.S4 \
	VFMLA V27.S4, V30.S4, c3.S4

// One row of C: V31 holds alpha.
#define STORE(c0, c1, c2, c3) \
	VLD1  (R2), [V24.S4, V25.S4, V26.S4, V27.S4] \
	VFMLA c0.S4, V31.S4, V24.S4                \
	VFMLA c1.S4, V31.S4, V25.S4                \
	VFMLA c2.S4, V31.S4, V26.S4                \
	VFMLA c3.S4, V31.S4, V27.S4                \
	VST1  [V24.S4, V25.S4, V26.S4, V27.S4], (R2) \
	ADD   R3, R2

#define CLEAR \
	VST1 [V24.S4, V25.S4, V26.S4, V27.S4], (R5) \
	ADD  R3, R5

#define ZERO(v) VEOR v.B16, v.B16, v.B16

// func tile(k int, a, b, c *float32, ldc int, alpha float32, acc bool)
TEXT ·tile(SB), NOSPLIT, $0-45
	MOVD  k+0(FP), R4
	MOVD  a+8(FP), R0
	MOVD  b+16(FP), R1
	MOVD  c+24(FP), R2
	MOVD  ldc+32(FP), R3
	LSL   $2, R3
	FMOVS alpha+40(FP), F31
	VDUP  V31.S[0], V31.S4
	MOVBU acc+44(FP), R6
	ZERO(V0); ZERO(V1); ZERO(V2); ZERO(V3)
	ZERO(V4); ZERO(V5); ZERO(V6); ZERO(V7)
	ZERO(V8); ZERO(V9); ZERO(V10); ZERO(V11)
	ZERO(V12); ZERO(V13); ZERO(V14); ZERO(V15)
	ZERO(V16); ZERO(V17); ZERO(V18); ZERO(V19)
	ZERO(V20); ZERO(V21); ZERO(V22); ZERO(V23)
	CBNZ  R6, loop

	// nothing to add to
	ZERO(V24); ZERO(V25); ZERO(V26); ZERO(V27)
	MOVD R2, R5
	CLEAR
	CLEAR
	CLEAR
	CLEAR
	CLEAR
	CLEAR

loop:
	CBZ    R4, store
	VLD1.P 64(R1), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1.P 16(R0), [V28.S4]
	VLD1.P 8(R0), [V29.S2]
	ROW(V28.S[0], V0, V1, V2, V3)
	ROW(V28.S[1], V4, V5, V6, V7)
	ROW(V28.S[2], V8, V9, V10, V11)
	ROW(V28.S[3], V12, V13, V14, V15)
	ROW(V29.S[0], V16, V17, V18, V19)
	ROW(V29.S[1], V20, V21, V22, V23)
	SUB    $1, R4
	B      loop

store:
	STORE(V0, V1, V2, V3)
	STORE(V4, V5, V6, V7)
	STORE(V8, V9, V10, V11)
	STORE(V12, V13, V14, V15)
	STORE(V16, V17, V18, V19)
	STORE(V20, V21, V22, V23)
	RET

// func dot(n int, a, b *float32) float32
TEXT ·dot(SB), NOSPLIT, $0-28
	MOVD n+0(FP), R4
	MOVD a+8(FP), R0
	MOVD b+16(FP), R1
	ZERO(V0)
	ZERO(V1)

by8:
	CBZ    R4, sum
	VLD1.P 32(R0), [V2.S4, V3.S4]
	VLD1.P 32(R1), [V4.S4, V5.S4]
	VFMLA  V2.S4, V4.S4, V0.S4
	VFMLA  V3.S4, V5.S4, V1.S4
	SUB    $8, R4
	B      by8

sum:
	FMOVS $1.0, F2
	VDUP  V2.S[0], V2.S4
	VFMLA V2.S4, V1.S4, V0.S4
	VMOV  V0.S[1], R5
	FMOVS R5, F1
	VMOV  V0.S[2], R5
	FMOVS R5, F2
	VMOV  V0.S[3], R5
	FMOVS R5, F3
	FADDS F1, F0
	FADDS F3, F2
	FADDS F2, F0
	FMOVS F0, ret+24(FP)
	RET

// func axpy(n int, alpha float32, x, y *float32)
TEXT ·axpy(SB), NOSPLIT, $0-32
	MOVD  n+0(FP), R4
	FMOVS alpha+8(FP), F31
	VDUP  V31.S[0], V31.S4
	MOVD  x+16(FP), R0
	MOVD  y+24(FP), R1

by8:
	CBZ    R4, done
	VLD1.P 32(R0), [V2.S4, V3.S4]
	VLD1   (R1), [V4.S4, V5.S4]
	VFMLA  V2.S4, V31.S4, V4.S4
	VFMLA  V3.S4, V31.S4, V5.S4
	VST1.P [V4.S4, V5.S4], 32(R1)
	SUB    $8, R4
	B      by8

done:
	RET
