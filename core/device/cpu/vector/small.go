//go:build amd64 || arm64

package vector

// Dot is Σ a·b.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	n := len(a) &^ 7
	var s float32
	if n > 0 {
		s = dot(n, &a[0], &b[0])
	}
	for i := n; i < len(a); i++ {
		s += a[i] * b[i]
	}
	return s
}

// Axpy is y += alpha·x.
func Axpy(alpha float32, x, y []float32) {
	y = y[:len(x)]
	n := len(x) &^ 7
	if n > 0 {
		axpy(n, alpha, &x[0], &y[0])
	}
	for i := n; i < len(x); i++ {
		y[i] += alpha * x[i]
	}
}

// Exp sets y = e^(x − shift), within 1e-6 of it, and gives the sum: 0 below
// e^−87, and above e^88 that. x and y may be the same.
func Exp(y, x []float32, shift float32) float32 {
	y = y[:len(x)]
	n := len(x) &^ 7
	var s float32
	if n > 0 {
		s = exp(n, &y[0], &x[0], shift)
	}
	if n < len(x) {
		var rest [8]float32
		copy(rest[:], x[n:])
		exp(8, &rest[0], &rest[0], shift)
		for _, v := range rest[:copy(y[n:], rest[:])] {
			s += v
		}
	}
	return s
}

// few is the number of rows below which packing costs more than it brings.
const few = 4

// product is Gemm for few rows of A: B is read as it lies.
func product(m, n, k int, alpha float32, a, b Matrix, acc bool, c []float32, ldc int, each func(n int, f func(job int))) {
	at := func(i, p int) float32 {
		if a.T {
			return a.Data[p*a.Stride+i]
		}
		return a.Data[i*a.Stride+p]
	}
	const part = 256 // columns a job
	each((n+part-1)/part, func(j int) {
		lo, hi := j*part, min((j+1)*part, n)
		for i := range m {
			y := c[i*ldc+lo : i*ldc+hi]
			if !acc {
				clear(y)
			}
			if b.T {
				x := a.Data[i*a.Stride:][:k]
				for q := range y {
					y[q] += alpha * Dot(x, b.Data[(lo+q)*b.Stride:][:k])
				}
				continue
			}
			for p := range k {
				Axpy(alpha*at(i, p), b.Data[p*b.Stride+lo:p*b.Stride+hi], y)
			}
		}
	})
}
