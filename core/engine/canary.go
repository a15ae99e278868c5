package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"handful/core/device"
	"handful/core/device/cpu"
	"handful/core/fault"
	"handful/core/format/hf"
	"handful/core/model"
	"handful/core/skill"
	"handful/core/task"
	"handful/core/tensor"
	"handful/core/tune"
)

// A canary is a model of one layer with weights of the types that the open one
// has, and skills: two steps of training them call every kernel that a run
// will, and take milliseconds. A device whose losses and gradients are not the
// reference's computes wrongly, whatever it says.
type canary struct {
	t      *tune.Trainer
	method *tune.Method
	d      device.Device
	first  []byte // the state to begin from
	want   []float64
}

// canaryShape is what canaries are made of.
type canaryShape struct {
	config hf.Config
	types  map[string]tensor.DType // by kindOf a tensor's name
}

const (
	canaryVocab = 64
	canarySteps = 2
	// canaryNear is how far apart sums in another order may be, relatively.
	canaryNear = 2e-3
)

// shapeOf is the open model's canary.
func shapeOf(c hf.Config, m interface{ Vars() []*tensor.Var }) canaryShape {
	s, width := canaryShape{c, map[string]tensor.DType{}}, 64
	for _, v := range m.Vars() {
		s.types[kindOf(v.Name)] = v.DType
		block, _ := v.DType.Block()
		width = max(width, block)
	}
	c0 := &s.config
	head := 8
	for head*2 <= min(width, c.HeadDim) {
		head *= 2
	}
	c0.Layers, c0.Hidden, c0.FFN, c0.HeadDim, c0.Vocab, c0.Context = 1, width, width, head, canaryVocab, 64
	c0.Heads = width / head
	if c0.KVHeads = c0.Heads; c.KVHeads < c.Heads {
		c0.KVHeads = max(1, c0.Heads/2)
	}
	if c0.EncoderLayers > 0 {
		c0.EncoderLayers = 1
	}
	if c0.RopeStretch != nil {
		c0.RopeStretch = slices.Repeat([]float64{2}, head/2)
	}
	return s
}

// kindOf is a tensor's name without its layer.
func kindOf(name string) string {
	out := []byte{}
	for _, b := range []byte(name) {
		if b < '0' || b > '9' {
			out = append(out, b)
		}
	}
	return string(out)
}

// Names and Tensor are model.Weights: random values of the model's types.
func (s canaryShape) Names() (names []string) {
	for _, x := range s.config.Shapes() {
		names = append(names, x.Name)
	}
	return names
}

func (s canaryShape) Tensor(name string) (tensor.Source, error) {
	for _, x := range s.config.Shapes() {
		if x.Name == name {
			dt, ok := s.types[kindOf(name)]
			if !ok {
				dt = tensor.F32
			}
			return canaryWeights(name, dt, x.Shape), nil
		}
	}
	return nil, fault.New(fault.Bug, "canary", "no tensor %q", name)
}

// canaryWeights are small values in a stored type: any bits are a block, once
// its scales are small.
func canaryWeights(name string, dt tensor.DType, shape []int) tensor.Source {
	r := skill.Rand(uint64(len(name))*31 + uint64(name[len(name)/2]))
	b := make([]byte, dt.Bytes(shape...))
	switch dt {
	case tensor.F32, tensor.F16, tensor.BF16:
		v := make([]float32, tensor.Numel(shape))
		for i := range v {
			if v[i] = float32(r.NormFloat64()) / 16; len(shape) == 1 {
				v[i] += 1
			}
		}
		tensor.Encode(dt, b, v)
	default:
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		_, size := dt.Block()
		for at := 0; at < len(b); at += size {
			for i, v := range canaryScales[dt] {
				binary.LittleEndian.PutUint16(b[at+i:], tensor.F32ToF16(v))
			}
		}
	}
	return tensor.MemSource(dt, shape, b, "")
}

// canaryScales are a block's halves by their place: they keep any values within
// about ±0.1.
var canaryScales = map[tensor.DType]map[int]float32{
	tensor.Q8_0: {0: .1 / 127}, tensor.IQ4_NL: {0: .1 / 127}, tensor.Q4_0: {0: .1 / 8}, tensor.Q5_0: {0: .1 / 16},
	tensor.Q4_1: {0: .2 / 15, 2: -.1}, tensor.Q5_1: {0: .2 / 31, 2: -.1},
	tensor.Q4_K: {0: .1 / (63 * 15), 2: .05 / 63}, tensor.Q5_K: {0: .1 / (63 * 31), 2: .05 / 63}, tensor.Q6_K: {208: .1 / (127 * 32)},
}

// newCanary compiles one on d, and has the reference say what it should give.
func newCanary(ctx context.Context, d device.Device, s canaryShape) (*canary, error) {
	c, err := buildCanary(ctx, d, s)
	if err != nil {
		return nil, err
	}
	if c.want, err = s.sung(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// sung is what the reference gives, which stays the same for a model.
func (s canaryShape) sung(ctx context.Context) ([]float64, error) {
	key := fmt.Sprint(s)
	if w, ok := canarySung.Load(key); ok {
		return w.([]float64), nil
	}
	ref := cpu.New(cpu.Reference)
	defer ref.Close()
	r, err := buildCanary(ctx, ref, s)
	if err != nil {
		return nil, err
	}
	defer r.close()
	w, err := r.sing(ctx)
	if err == nil {
		canarySung.Store(key, w)
	}
	return w, err
}

var canarySung sync.Map // by canaryShape

func buildCanary(ctx context.Context, d device.Device, s canaryShape) (_ *canary, err error) {
	defer fault.Recover("canary", &err)
	m, err := model.Open(s.config.Config, s)
	if err != nil {
		return nil, err
	}
	inv := &skill.Inventory{Config: skill.Config{Splits: 2, Skills: 2, Rank: 2, Tasks: 1}, A: map[string][]float32{}, B: map[string][]float32{}, Logits: map[string][]float32{}, Dims: map[string][2]int{}}
	r := skill.Rand(7)
	draw := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64()) / 16
		}
		return v
	}
	for _, site := range m.Sites() {
		inv.Sites = append(inv.Sites, site.Name)
		inv.Dims[site.Name] = [2]int{site.In, site.Out}
		inv.A[site.Name], inv.B[site.Name], inv.Logits[site.Name] = draw(2*2*site.In), draw(2*2*site.Out), draw(4)
	}
	rows := make([]tune.Row, 2)
	for i := range rows {
		for range 7 + 4*i {
			id := int32(r.IntN(canaryVocab))
			rows[i].IDs, rows[i].Labels = append(rows[i].IDs, id), append(rows[i].Labels, id)
		}
		if s.config.Encodes() {
			rows[i].Source = slices.Clone(rows[i].IDs)
		}
	}
	c := &canary{method: tune.MHR(inv), d: d}
	o := tune.Optim{LR: 1e-2, RouterLR: 0.1, Clip: 1, Steps: canarySteps}
	if c.t, err = tune.NewTrainer(ctx, d, m, c.method, rows, task.Batches(len(rows), len(rows), canarySteps, "file", 0), o); err != nil {
		return nil, err
	}
	c.first, err = c.t.Snapshot(ctx)
	return c, err
}

// sing runs the steps from their beginning: the losses and gradient norms.
func (c *canary) sing(ctx context.Context) (got []float64, err error) {
	if err := c.t.Restore(ctx, c.first); err != nil {
		return nil, err
	}
	for range canarySteps {
		s, err := c.t.Step(ctx)
		if err != nil {
			return nil, err
		}
		got = append(got, s.Loss, s.GradNorm)
	}
	return got, nil
}

// check is a DeviceLost fault where the device does not give what it should.
func (c *canary) check(ctx context.Context) error {
	got, err := c.sing(ctx)
	switch {
	case ctx.Err() != nil:
		return fault.From("gpu", ctx.Err())
	case fault.Is(err, fault.Memory), fault.Is(err, fault.DeviceLost):
		return err
	case err != nil:
		return wrongly(c.d, err.Error())
	}
	for i, w := range c.want {
		if !(math.Abs(got[i]-w) <= canaryNear*math.Abs(w)) {
			return wrongly(c.d, fmt.Sprintf("%s of a test step is %.6g, want %.6g", []string{"the loss", "the gradients' norm"}[i%2], got[i], w))
		}
	}
	return nil
}

func wrongly(d device.Device, what string) error {
	return fault.New(fault.DeviceLost, "gpu", "%s computes wrongly: %s", d.Info().Name, what).Next("take --device cpu, or update the graphics driver")
}

func (c *canary) close() {
	c.t.Close()
	c.method.Free(c.d)
}
