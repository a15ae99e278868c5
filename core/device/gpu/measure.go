package gpu

import (
	"context"
	"time"

	"handful/core/graph"
	"handful/core/tensor"
)

// chosen remembers which family was faster, by adapter name.
var chosen = map[string]string{}

// measure picks the family whose product of a layer's size is faster here: a
// barrier is dear on adapters that compute on a CPU, and reading an operand
// again is dear on real ones.
func (d *Device) measure(ctx context.Context) (string, error) {
	if d.info.Software {
		return familyRegister, nil // never in doubt, and tiled kernels take lavapipe long to compile
	}
	if f := chosen[d.info.Name]; f != "" {
		return f, nil
	}
	best, family := time.Duration(0), ""
	for _, f := range []string{familyRegister, familyTiled} {
		d.info.Family = f
		t, err := d.timeProduct(ctx)
		if err != nil {
			return "", err
		}
		if family == "" || t < best {
			best, family = t, f
		}
	}
	chosen[d.info.Name] = family
	return family, nil
}

// timeProduct is the shortest of three runs of [128, 256]·[256, 256]ᵀ.
func (d *Device) timeProduct(ctx context.Context) (best time.Duration, err error) {
	g := graph.New()
	w := tensor.Zeros("measure", 256, 256)
	defer d.Free(w)
	out := graph.Linear(g.Input("x", tensor.F32, 128, 256), g.Use(w))
	p, err := d.Compile(ctx, out)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	dst := make([]byte, out.Bytes())
	for i := 0; i < 4; i++ {
		start := time.Now()
		if err := p.Run(ctx); err != nil {
			return 0, err
		}
		if err := p.Read(ctx, out, dst); err != nil {
			return 0, err
		}
		if t := time.Since(start); i > 0 && (best == 0 || t < best) { // the first run warms up
			best = t
		}
	}
	return best, nil
}
