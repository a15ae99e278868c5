package hf

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sort"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/tensor"
)

// maxRandom bounds the parameters of a model made from a config alone: a file is
// never trusted for an allocation.
const maxRandom = 1 << 30

// Random makes a model of a folder's config.json with first values of its own,
// as transformers does (_init_weights): N(0, initializer_range), 0.02 where the
// config does not say, and 1 for norms. Weights in the folder are not read.
func Random(f format.Folder, seed uint64) (*Checkpoint, error) {
	cfg, o, ok, err := f.FindObject(op, "config.json", "model_type")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.Inputf("base", "got %s; want config.json", f.Names()).Next("choose the folder of a model's configuration")
	}
	c := &Checkpoint{open: map[string]func() (tensor.Source, error){}}
	if c.Config, err = ParseConfig(o); err != nil {
		return nil, err
	}
	spread := 0.02
	if raw := o["initializer_range"]; given(raw) {
		if json.Unmarshal(raw, &spread) != nil || !(spread > 0 && spread < 10) {
			return nil, fault.Inputf(op, "initializer_range is %.40s, want a small positive number", raw)
		}
	}
	total := 0
	for _, s := range c.Config.Shapes() {
		total += tensor.Numel(s.Shape)
	}
	if total > maxRandom {
		return nil, fault.Inputf(op, "%d parameters, want at most %d to begin from random values", total, maxRandom).Next("make the sizes smaller")
	}
	r := rand.New(rand.NewPCG(seed, 0x72616e646f6d))
	c.Name = fmt.Sprintf("%s, random values", c.Config.ModelType)
	for _, s := range c.Config.Shapes() {
		v, deviation := make([]float32, tensor.Numel(s.Shape)), c.Config.spread(s, spread)
		for i := range v {
			if v[i] = 1; deviation > 0 {
				v[i] = float32(r.NormFloat64() * deviation)
			}
		}
		src := tensor.F32Source(v, s.Shape...)
		c.open[s.Name] = func() (tensor.Source, error) { return src, nil }
		c.names = append(c.names, s.Name)
		c.bytes += int64(src.DType().Bytes(s.Shape...))
	}
	sort.Strings(c.names)
	c.readTokenizer(f.Beside(cfg.Name))
	return c, nil
}
