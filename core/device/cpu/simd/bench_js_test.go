package simd

import (
	"fmt"
	"testing"
	"time"

	"handful/core/tensor"
)

// variants runs a benchmark on every variant that the host takes.
func variants(b *testing.B, bench func(b *testing.B, m *Module)) {
	for _, v := range []Variant{Plain, Relaxed} {
		m, err := Load(v)
		if err != nil {
			b.Logf("no %s: %v", v, err)
			continue
		}
		b.Run(string(v), func(b *testing.B) { bench(b, m) })
	}
}

// fastest is the shortest time of one run, in seconds. The engine compiles a
// function well only after it has been used for a while, and other programs
// disturb: so the first runs do not count, and the best of many is taken.
func fastest(run func()) float64 {
	for start := time.Now(); time.Since(start) < 15*time.Millisecond; {
		run()
	}
	best := time.Duration(1 << 62)
	for start := time.Now(); time.Since(start) < 50*time.Millisecond; {
		t := time.Now()
		run()
		best = min(best, time.Since(t))
	}
	return best.Seconds()
}

// BenchmarkGemm reports the speed of the three products.
func BenchmarkGemm(b *testing.B) {
	r := source()
	for _, s := range [][3]int{{512, 1536, 576}, {64, 576, 576}, {1, 1536, 576}} {
		rows, cols, depth := s[0], s[1], s[2]
		x, y, c := uniform(r, rows*depth), uniform(r, depth*cols), make([]float32, rows*cols)
		for _, p := range products {
			lda, ldb := depth, cols
			if p.ta {
				lda = rows
			}
			if p.tb {
				ldb = depth
			}
			b.Run(fmt.Sprintf("%s/%dx%dx%d", p.name, rows, depth, cols), func(b *testing.B) {
				variants(b, func(b *testing.B, m *Module) {
					s := fastest(func() { p.of(m)(c, x, y, rows, cols, depth, cols, lda, ldb, 1, false) })
					b.ReportMetric(2*float64(rows*cols*depth)/s/1e9, "GFLOP/s")
				})
			})
		}
	}
}

// BenchmarkDecode reports the speed of widening weights.
func BenchmarkDecode(b *testing.B) {
	const n = 1 << 16
	dst := make([]float32, n)
	for _, dt := range []tensor.DType{tensor.F16, tensor.BF16, tensor.Q8_0, tensor.Q4_0, tensor.Q4_1,
		tensor.Q5_0, tensor.Q5_1, tensor.IQ4_NL, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K} {
		src := make([]byte, dt.Bytes(n))
		perElement(b, dt.String(), n, func(m *Module) { m.Decode(dt, dst, src) })
	}
}

// BenchmarkRows reports the speed of the loops over rows.
func BenchmarkRows(b *testing.B) {
	const d, rows = 576, 64
	const n = d * rows
	r := source()
	x, y, z, dst, w, out := normal(r, n), normal(r, n), normal(r, n), make([]float32, n), normal(r, d), make([]float32, rows)
	mom, v := make([]float32, n), make([]float32, n)
	span := make([]int32, 2*rows)
	for i := range rows {
		span[2*i+1] = d
	}
	adam := Adam{LR: 1e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction1: 0.1, Correction2: 0.03, Clip: 1}
	for _, k := range []struct {
		name string
		run  func(m *Module)
	}{
		{"add", func(m *Module) { m.Add(dst, x, y) }},
		{"axpy", func(m *Module) { m.Axpy(dst, x, 1e-6) }},
		{"dot", func(m *Module) { m.Dot(x, y) }},
		{"exp", func(m *Module) { m.ExpSum(dst, x, 0) }},
		{"silu", func(m *Module) { m.SiLUMul(dst, x, y) }},
		{"silu-grad", func(m *Module) { m.SiLUGradGate(dst, x, y, z) }},
		{"softmax", func(m *Module) { m.Softmax(dst, span, rows, d, d, 0) }},
		{"logsumexp", func(m *Module) { m.LogSumExp(out, x, rows, d, d) }},
		{"rmsnorm", func(m *Module) { m.RMSNorm(dst, x, w, 1e-5) }},
		{"rmsnorm-grad", func(m *Module) { m.RMSNormGrad(dst, x, w, y, 1e-5) }},
		{"adamw", func(m *Module) { m.AdamW(dst, mom, v, x, adam) }},
	} {
		perElement(b, k.name, n, k.run)
	}
}

func perElement(b *testing.B, name string, n int, run func(m *Module)) {
	b.Run(name, func(b *testing.B) {
		variants(b, func(b *testing.B, m *Module) {
			b.ReportMetric(fastest(func() { run(m) })*1e9/float64(n), "ns/element")
		})
	})
}
