// Package model builds the forward graphs of base models over ragged batches.
//
// A base model is frozen: its weights are variables without gradients, in the
// type they are stored in. Whatever is trained sits behind Adapter, the one
// seam at each adaptable linear ("site").
package model

import (
	"slices"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Weights gives tensors by their Hugging Face names.
type Weights interface {
	Names() []string
	Tensor(name string) (tensor.Source, error)
}

// Config is what a model's graph needs to know, in HF's terms. Layers are those
// of the decoder.
type Config struct {
	ModelType string  // model_type
	Layers    int     // num_hidden_layers
	Hidden    int     // hidden_size
	FFN       int     // intermediate_size
	Heads     int     // num_attention_heads
	KVHeads   int     // num_key_value_heads
	HeadDim   int     // head_dim
	Vocab     int     // vocab_size
	Context   int     // longest row in tokens
	RopeTheta float64 // rope_theta
	// RopeStretch divides each of a head's frequencies, [HeadDim/2]: longer
	// contexts by rope types linear and llama3. nil: none.
	RopeStretch []float64
	Eps         float64 // rms_norm_eps
	Tied        bool    // the head is the embedding
	QKVBias     bool    // q, k and v have biases: Qwen2
	HeadNorm    bool    // each head's q and k are normalised: Qwen3

	// Of encoder-decoders alone.
	EncoderLayers int // num_layers; 0: there is no encoder
	Buckets       int // relative_attention_num_buckets
	MaxDistance   int // relative_attention_max_distance
	// Act is the feed-forward's: "relu", or a gate: "gelu_new", "silu".
	Act        string
	ScaledHead bool  // the head reads the decoder's output times Hidden^−½
	Start      int32 // decoder_start_token_id
}

// Encodes tells an encoder-decoder from a decoder alone.
func (c Config) Encodes() bool { return c.EncoderLayers > 0 }

// Site is an adaptable linear y = x·Wᵀ, or x·Wᵀ + b.
type Site struct {
	Name    string // HF module path: model.layers.0.self_attn.q_proj
	Layer   int
	Module  string // q_proj
	In, Out int
}

// Adapter adds its part to the output of a site: the one seam for LoRA,
// mixtures of skills and whatever comes later. x [n, In], y [n, Out], slot I32
// [n] is each token's task slot; the result has y's shape.
type Adapter interface {
	Apply(g *graph.Graph, s Site, x, y, slot *graph.Node) *graph.Node
}

// InputAdapter is an Adapter that also changes what a site reads, x [n, In].
// The product and Apply see the changed x.
type InputAdapter interface {
	Adapter
	Input(g *graph.Graph, s Site, x *graph.Node) *graph.Node
}

// adapted is the product of a site with what an adapter, which may be nil, does
// to it.
func adapted(g *graph.Graph, ad Adapter, l linear, x, slot *graph.Node) *graph.Node {
	if in, ok := ad.(InputAdapter); ok {
		x = in.Input(g, l.site, x)
	}
	y := graph.Linear(x, g.Use(l.w))
	if l.b != nil { // b for each row: 1·bᵀ
		y = graph.Add(y, graph.Linear(g.Fill(1, x.Rows(), 1), g.Use(l.b)))
	}
	if ad != nil {
		y = ad.Apply(g, l.site, x, y, slot)
	}
	return y
}

// Model builds graphs.
type Model interface {
	Config() Config
	Sites() []Site
	Vars() []*tensor.Var // the weights of its checkpoint, in order of use
	// Hidden is the last normalised hidden state [n, Hidden] of a batch; of an
	// encoder-decoder the decoder's.
	Hidden(g *graph.Graph, b Batch, ad Adapter) *graph.Node
	// Head is the logits [l, Vocab] of hidden rows [l, Hidden].
	Head(g *graph.Graph, h *graph.Node) *graph.Node
}

// EncoderDecoder is a Model whose batches have a Source.
type EncoderDecoder interface {
	Model
	// Remember encodes a source and stores what the decoder will look at: nodes
	// to run, for batches whose Source.Memory that is.
	Remember(g *graph.Graph, s *Source, ad Adapter) []*graph.Node
}

// Open makes a model of a configuration and its weights.
func Open(c Config, w Weights) (Model, error) {
	open := archs[c.ModelType]
	if open == nil {
		return nil, fault.Unsupportedf("model", "model_type %q, want one of %v", c.ModelType, archNames())
	}
	return open(c, w)
}

var archs = map[string]func(Config, Weights) (Model, error){"llama": newLlama, "qwen2": newLlama, "qwen3": newLlama, "mt5": newT5, "t5": newT5}

func archNames() (names []string) {
	for n := range archs {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
