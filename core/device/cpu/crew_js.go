package cpu

import "handful/core/device/cpu/simd"

// crew holds weights for helpers on other processors.
type crew struct {
	*simd.Crew
	least int // multiplications that are worth waking them
	held  map[*buf]*simd.Weight
	users int // devices
}

// worthwhile is a product that takes longer than telling others of it.
const worthwhile = 1 << 18

func hire(m *simd.Module, always bool) *crew {
	c := simd.Hire(m)
	if c == nil {
		return nil
	}
	h := &crew{Crew: c, least: worthwhile, held: map[*buf]*simd.Weight{}}
	if always {
		h.least = 0
	}
	return h
}

// hold gives the crew a weight that nothing writes, once. Then it need not lie
// here too; should the crew be gone, its memory is still there to fetch it from.
func (c *crew) hold(w *buf) {
	if c == nil || !w.still || w.fetch != nil || w.rows()*w.cols() < c.least {
		return
	}
	if h := c.Hold(w.dt, w.rows(), w.cols(), w.bytes()); h != nil {
		c.held[w] = h
		w.raw, w.f, w.fetch = nil, nil, h.Bytes
	}
}

// release takes weights away from it.
func (c *crew) release(w *buf) {
	if c == nil || c.held[w] == nil {
		return
	}
	c.held[w].Free()
	delete(c.held, w)
}

// joined tells that a device uses the crew.
func (c *crew) joined() {
	if c != nil {
		c.users++
	}
}

// leave tells that a device is closed: after the last one the crew goes.
func (c *crew) leave() {
	if c == nil {
		return
	}
	if c.users--; c.users > 0 {
		return
	}
	c.Dismiss()
	for family, p := range loaded {
		if b, ok := p.(simdBlas); ok && b.crew == c {
			delete(loaded, family)
		}
	}
}

// product is y = x·Wᵀ, or x·W where backward is set, for n rows; false where the
// crew does not do it.
func (c *crew) product(y, x []float32, w *buf, n int, backward bool) bool {
	return c != nil && c.held[w] != nil && c.held[w].Mul(y, x, n, backward)
}
