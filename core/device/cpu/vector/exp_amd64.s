#include "textflag.h"

// e^x is 2^n·e^r with n = round(x·log2 e) and r = x − n·ln 2, whose e^r is
// 1 + r + r²·p(r).
DATA ·expConst+0(SB)/4, $88.0             // above: e^88
DATA ·expConst+4(SB)/4, $-87.0            // below: 0
DATA ·expConst+8(SB)/4, $1.44269504       // log2 e
DATA ·expConst+12(SB)/4, $0.693359375     // ln 2, in two parts
DATA ·expConst+16(SB)/4, $-2.12194440e-4
DATA ·expConst+20(SB)/4, $1.9875691500e-4 // p
DATA ·expConst+24(SB)/4, $1.3981999507e-3
DATA ·expConst+28(SB)/4, $8.3334519073e-3
DATA ·expConst+32(SB)/4, $4.1665795894e-2
DATA ·expConst+36(SB)/4, $1.6666665459e-1
DATA ·expConst+40(SB)/4, $5.0000001201e-1
DATA ·expConst+44(SB)/4, $1.0
DATA ·expConst+48(SB)/4, $127             // of a float's exponent
GLOBL ·expConst(SB), RODATA|NOPTR, $52

// func exp(n int, y, x *float32, shift float32) float32
TEXT ·exp(SB), NOSPLIT, $0-36
	MOVQ         n+0(FP), CX
	MOVQ         y+8(FP), DI
	MOVQ         x+16(FP), SI
	VBROADCASTSS shift+24(FP), Y0
	VXORPS       Y1, Y1, Y1                 // the sum
	VBROADCASTSS ·expConst+0(SB), Y2
	VBROADCASTSS ·expConst+4(SB), Y3
	VBROADCASTSS ·expConst+8(SB), Y4
	VBROADCASTSS ·expConst+12(SB), Y5
	VBROADCASTSS ·expConst+16(SB), Y6
	VBROADCASTSS ·expConst+44(SB), Y7
	VBROADCASTSS ·expConst+48(SB), Y8

loop:
	VMOVUPS      (SI), Y9
	VSUBPS       Y0, Y9, Y9
	VCMPPS       $1, Y3, Y9, Y15            // below; not for NaN
	VMINPS       Y9, Y2, Y9                 // the second source, x, where it is NaN
	VMAXPS       Y9, Y3, Y9
	VMULPS       Y4, Y9, Y10
	VROUNDPS     $0, Y10, Y10               // n
	VFNMADD231PS Y5, Y10, Y9
	VFNMADD231PS Y6, Y10, Y9                // r
	VCVTPS2DQ    Y10, Y10
	VPADDD       Y8, Y10, Y10
	VPSLLD       $23, Y10, Y10              // 2^n
	VBROADCASTSS ·expConst+20(SB), Y11
	VBROADCASTSS ·expConst+24(SB), Y12
	VFMADD213PS  Y12, Y9, Y11
	VBROADCASTSS ·expConst+28(SB), Y12
	VFMADD213PS  Y12, Y9, Y11
	VBROADCASTSS ·expConst+32(SB), Y12
	VFMADD213PS  Y12, Y9, Y11
	VBROADCASTSS ·expConst+36(SB), Y12
	VFMADD213PS  Y12, Y9, Y11
	VBROADCASTSS ·expConst+40(SB), Y12
	VFMADD213PS  Y12, Y9, Y11
	VMULPS       Y9, Y9, Y12
	VFMADD213PS  Y9, Y12, Y11
	VADDPS       Y7, Y11, Y11
	VMULPS       Y10, Y11, Y11
	VANDNPS      Y11, Y15, Y11
	VADDPS       Y11, Y1, Y1
	VMOVUPS      Y11, (DI)
	ADDQ         $32, SI
	ADDQ         $32, DI
	SUBQ         $8, CX
	JNZ          loop

	VEXTRACTF128 $1, Y1, X0
	VADDPS       X1, X0, X0
	VHADDPS      X0, X0, X0
	VHADDPS      X0, X0, X0
	VMOVSS       X0, ret+32(FP)
	VZEROUPPER
	RET
