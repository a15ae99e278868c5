package engine

import (
	"context"
	"fmt"
	"slices"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/format"
	"handful/core/format/hf"
	"handful/core/model"
	"handful/core/skill"
	"handful/core/tensor"
	"handful/core/tune"
)

// The step that memory is planned for before the rows are known: LoRA of a rank
// on every linear, so many rows of so many tokens, the last of them labels.
const (
	planRows   = 8
	planTokens = 64
	planLabels = 8
	planRank   = 8
)

// Need is the memory that a base takes, in bytes.
type Need struct {
	Weights int64 `json:"weights"` // as the device holds them
	Step    int64 `json:"step"`    // of training on 8 rows of 64 tokens: values, gradients, optimiser
}

// Sum is both.
func (n Need) Sum() int64 { return n.Weights + n.Step }

// needOf plans a step of training on a device with such limits, of which what
// does not fit is the least that a step takes. No weight is read but a T5's
// table of position biases.
func needOf(m model.Model, d device.Device) (n Need, err error) {
	defer fault.Recover("open", &err)
	p := &device.Planner{Like: d.Info()}
	held := func(v *tensor.Var) int64 { return int64(v.Bytes()) }
	if b, ok := d.(device.Budgeted); ok {
		held = b.Held
	}
	p.Held = held
	for _, v := range m.Vars() {
		n.Weights += held(v)
	}
	if p.Like.Memory == 0 && p.Like.Total > 0 {
		p.Like.Memory = max(1, p.Like.Total-n.Weights)
	}
	row := tune.Row{IDs: make([]int32, planTokens), Labels: slices.Repeat([]int32{-100}, planTokens-planLabels)}
	if m.Config().Encodes() {
		row = tune.Row{Source: row.IDs[planLabels:], IDs: make([]int32, planLabels), Labels: []int32{-100}}
	}
	row.Labels = append(row.Labels, make([]int32, len(row.IDs)-len(row.Labels))...)
	var batch []int
	for i := range planRows {
		batch = append(batch, i)
	}
	o := Defaults("lora")
	o.Steps = 1
	t, err := tune.NewTrainer(context.Background(), p, m, plannedLoRA(m), slices.Repeat([]tune.Row{row}, planRows), [][]int{batch}, o.optim())
	if err != nil && !fault.Is(err, fault.Memory) {
		return n, err
	}
	s := p.Last
	if err == nil {
		s = t.Stats()
	}
	all := p.Vars() // also what is trained and its averages
	n.Step = all - n.Weights + s.Arena + s.Inputs
	return n, nil
}

// plannedLoRA is on every linear; its values lie in one piece of memory, for
// nobody reads them.
func plannedLoRA(m model.Model) *tune.Method {
	widest := 0
	for _, s := range m.Sites() {
		widest = max(widest, s.In, s.Out)
	}
	values := make([]float32, widest*planRank)
	l := &skill.Single{Rank: planRank, Dims: map[string][2]int{}, A: map[string][]float32{}, B: map[string][]float32{}}
	for _, s := range m.Sites() {
		l.Sites = append(l.Sites, s.Name)
		l.Dims[s.Name], l.A[s.Name], l.B[s.Name] = [2]int{s.In, s.Out}, values[:s.In*planRank], values[:s.Out*planRank]
	}
	return tune.LoRA(l, 1)
}

// room refuses a base that the device has no room for, and leaves what there is
// for steps. It reads nothing: opening spends no memory on weights.
func (e *Engine) room() error {
	have := e.dev.Info().Total
	if have == 0 {
		return nil
	}
	n, err := needOf(e.model, e.dev.Device)
	if err != nil {
		return err
	}
	e.info.Need = &n
	if err := n.within(e.ckpt.Name, have, e.dev.Info().Kind); err != nil {
		return err
	}
	if e.dev.Info().Memory == 0 {
		e.dev.limit(have - n.Weights)
	}
	return nil
}

// within is a Memory fault where the need is more than there is.
func (n Need) within(name string, have int64, kind string) error {
	if n.Sum() <= have {
		return nil
	}
	mb := func(bytes int64) string { return fmt.Sprintf("%d MB", (bytes+999_999)/1_000_000) }
	step := ""
	if n.Step > 0 {
		step = fmt.Sprintf(" (%s of weights, %s for a step of %d rows of %d tokens)", mb(n.Weights), mb(n.Step), planRows, planTokens)
	}
	return fault.New(fault.Memory, "open", "%.120s: need %s%s, have %d MB on this %s", name, mb(n.Sum()), step, have/1_000_000, kind).
		Next("take it quantised, as a GGUF of 4 bits, or a smaller model, or the command line")
}

// Admit refuses a base that there is no room for before it is downloaded: of a
// Hugging Face folder config is its config.json, which a GGUF file has none of
// (nil). bytes are those of its weights at rest.
func Admit(d device.Device, name string, config format.Object, bytes int64) error {
	have := d.Info().Total
	if have == 0 {
		return nil
	}
	n := Need{Weights: bytes}
	if config != nil {
		c, err := hf.ParseConfig(config)
		if err != nil {
			return err
		}
		m, err := model.Open(c.Config, blankOf(c))
		if err != nil {
			return err
		}
		if n, err = needOf(m, d); err != nil {
			return err
		}
		n.Weights = bytes // the type they are stored in is in their own file
	}
	return n.within(name, have, d.Info().Kind)
}

// blank are weights that are not here yet: shapes by name.
type blank map[string][]int

func blankOf(c hf.Config) blank {
	b := blank{}
	for _, s := range c.Shapes() {
		b[s.Name] = s.Shape
	}
	return b
}

func (b blank) Names() []string                           { return nil }
func (b blank) Tensor(name string) (tensor.Source, error) { return zeros{b[name]}, nil }

// zeros is a tensor of them.
type zeros struct{ shape []int }

func (z zeros) DType() tensor.DType { return tensor.F32 }
func (z zeros) Shape() []int        { return z.shape }
func (z zeros) ID() string          { return "" }
func (z zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}
