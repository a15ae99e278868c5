package hf

import (
	"fmt"
	"io"
	"math"

	"handful/core/fault"
	"handful/core/skill"
	"handful/core/tensor"
)

// Merged gives the base's tensors by their HF names as dt (F32, F16 or BF16),
// with an adapter in its linears' weights: of a LoRA W + (A·B)ᵀ/r, of (IA)³ its
// rows and bias, or of a feed-forward linear its columns, scaled. Either may be nil.
// Rows are computed as they are read, a few at a time.
func (c *Checkpoint) Merged(dt tensor.DType, l *skill.Single, a *skill.IA3) (map[string]tensor.Source, error) {
	out := map[string]tensor.Source{}
	for _, name := range c.names {
		t, err := c.Tensor(name)
		if fault.Is(err, fault.Unsupported) || err == nil && t.DType() == tensor.I32 {
			continue // a buffer that the model does not use
		}
		if err != nil {
			return nil, err
		}
		out[name] = &merged{base: t, dt: dt, name: name}
	}
	at := func(site string, dims [2]int) (*merged, error) {
		m, _ := out[site+".weight"].(*merged)
		if m == nil || len(m.Shape()) != 2 || dims[0] != 0 && m.Shape()[1] != dims[0] || dims[1] != 0 && m.Shape()[0] != dims[1] {
			got := "nothing"
			if m != nil {
				got = fmt.Sprint(m.Shape())
			}
			return nil, fault.Inputf("merge", "%.160s.weight of the base is %s, the adapter has %d→%d there", site, got, dims[0], dims[1]).Next("use the base that the adapter was made for")
		}
		return m, nil
	}
	if l != nil {
		for _, s := range l.Sites {
			m, err := at(s, l.Dims[s])
			if err != nil {
				return nil, err
			}
			m.rank, m.a, m.b = l.Rank, transpose(l.A[s], l.Dims[s][0], l.Rank), l.B[s]
		}
	}
	if a != nil {
		for _, s := range a.Sites {
			m, err := at(s, a.Dims[s])
			if err != nil {
				return nil, err
			}
			if a.IsFeedforward(s) {
				m.cols = a.Scale[s]
				continue
			}
			m.rows = a.Scale[s]
			if bias, ok := out[s+".bias"].(*merged); ok {
				bias.cols = a.Scale[s]
			}
		}
	}
	return out, nil
}

// merged is a tensor of a base with an adapter in it.
type merged struct {
	base       tensor.Source
	dt         tensor.DType
	name       string
	rank       int
	a, b       []float32 // [r, in], [r, out]; nil: no LoRA
	rows, cols []float32 // (IA)³: [out], [in]; nil: none

	lo, hi int    // the rows that buf holds
	buf    []byte // as dt
}

func (m *merged) DType() tensor.DType { return m.dt }
func (m *merged) Shape() []int        { return m.base.Shape() }
func (m *merged) ID() string          { return "" }

// chunk is how many bytes of rows are made at a time.
const chunk = 1 << 20

// ReadAt makes the rows that are asked for. Reading in order makes each once.
func (m *merged) ReadAt(p []byte, off int64) (n int, err error) {
	shape := m.Shape()
	size := int64(m.dt.Bytes(shape...))
	if off < 0 || off >= size {
		return 0, io.EOF
	}
	cols := 1
	if len(shape) > 0 {
		cols = shape[len(shape)-1]
	}
	row := int64(m.dt.Bytes(cols))
	for n < len(p) && off < size {
		r := int(off / row)
		if r < m.lo || r >= m.hi {
			if err := m.make(r, min(r+max(1, chunk/int(row)), int(size/row)), cols); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], m.buf[off-int64(m.lo)*row:])
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// make computes rows [lo, hi).
func (m *merged) make(lo, hi, cols int) error {
	m.lo, m.hi = 0, 0
	stored := m.base.DType().Bytes(1, cols)
	raw := make([]byte, (hi-lo)*stored)
	if k, err := m.base.ReadAt(raw, int64(lo)*int64(stored)); k < len(raw) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fault.From("read "+m.name, err)
	}
	v := make([]float32, (hi-lo)*cols)
	tensor.Decode(m.base.DType(), v, raw)
	for r := lo; r < hi; r++ {
		m.adapt(v[(r-lo)*cols:(r-lo+1)*cols], r)
	}
	for _, x := range v {
		if m.dt == tensor.F16 && !(math.Abs(float64(x)) < 65520) { // what would round to infinity
			return fault.Inputf("merge", "%.160s holds %g, which F16 has no number for", m.name, x).Next("write BF16 or F32")
		}
	}
	if want := m.dt.Bytes(len(v)); cap(m.buf) < want {
		m.buf = make([]byte, want)
	} else {
		m.buf = m.buf[:want]
	}
	tensor.Encode(m.dt, m.buf, v)
	m.lo, m.hi = lo, hi
	return nil
}

// adapt puts the adapter into row r of the weights.
func (m *merged) adapt(row []float32, r int) {
	if m.a != nil {
		out := m.Shape()[0]
		for k := range m.rank {
			c := m.b[k*out+r] / float32(m.rank)
			for j, a := range m.a[k*len(row) : (k+1)*len(row)] {
				row[j] += c * a
			}
		}
	}
	if m.rows != nil {
		for j := range row {
			row[j] *= m.rows[r]
		}
	}
	if m.cols != nil {
		for j := range row {
			row[j] *= m.cols[j]
		}
	}
}
