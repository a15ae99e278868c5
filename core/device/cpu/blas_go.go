package cpu

// goBlas is plain Go: what runs in a browser without wasm SIMD. The inner
// loops keep four sums, which is all that the compiler's scalar code can use.
type goBlas struct{ plainRows }

func (goBlas) name() string   { return "Go" }
func (goBlas) family() string { return "go" }

func (goBlas) nn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	for i := 0; i < m; i++ {
		y := c[i*ldc : i*ldc+n]
		if !acc {
			clear(y)
		}
		p := 0
		for ; p+4 <= k; p += 4 {
			axpy4(y, alpha, a[i*lda+p:i*lda+p+4], b[p*ldb:], ldb)
		}
		for ; p < k; p++ {
			axpy(y, alpha*a[i*lda+p], b[p*ldb:p*ldb+n])
		}
	}
}

// axpy4 adds four scaled rows of b at once.
func axpy4(y []float32, alpha float32, a, b []float32, ldb int) {
	n := len(y)
	a0, a1, a2, a3 := alpha*a[0], alpha*a[1], alpha*a[2], alpha*a[3]
	b0, b1, b2, b3 := b[:n], b[ldb:ldb+n], b[2*ldb:2*ldb+n], b[3*ldb:3*ldb+n]
	for j := range y {
		y[j] += a0*b0[j] + a1*b1[j] + a2*b2[j] + a3*b3[j]
	}
}

func (goBlas) nt(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	for i := 0; i < m; i++ {
		x, y := a[i*lda:i*lda+k], c[i*ldc:i*ldc+n]
		for j := range y {
			s := alpha * dot32(x, b[j*ldb:j*ldb+k])
			if acc {
				s += y[j]
			}
			y[j] = s
		}
	}
}

func (goBlas) tn(m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, acc bool, c []float32, ldc int) {
	for i := 0; i < m; i++ {
		y := c[i*ldc : i*ldc+n]
		if !acc {
			clear(y)
		}
		for p := 0; p < k; p++ {
			axpy(y, alpha*a[p*lda+i], b[p*ldb:p*ldb+n])
		}
	}
}
