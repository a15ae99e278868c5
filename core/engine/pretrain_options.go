package engine

import (
	"encoding/json"
	"io"
	"math"

	"handful/core/fault"
	"handful/core/format"
	"handful/core/pretrain"
	"handful/core/skill"
	"handful/core/tune"
)

// PretrainOptions have the command line's names. They are complete: start from
// PretrainDefaults and change what is asked for.
type PretrainOptions struct {
	Tasks   format.Folder     `json:"-"` // manifest.json and train/*.jsonl, or *.jsonl
	Batches *format.NamedBlob `json:"-"` // batches to train on instead of drawing them; nil: draw
	Resume  format.Blob       `json:"-"` // a checkpoint to go on from; nil: begin

	Skills   int      `json:"skills"` // 0: no inventory, the base alone
	Splits   int      `json:"splits"`
	Rank     int      `json:"rank"`
	Targets  []string `json:"targets"`  // suffixes, or one regex; empty: every linear of the blocks
	InitRows string   `json:"initRows"` // fresh, sparse:K:SCALE

	Granularity string `json:"granularity"` // linears that share a router: skill.Granularity
	Relaxed     bool   `json:"relaxed"`     // sample routes while training

	Steps       int      `json:"steps"`
	Groups      int      `json:"groups"` // task groups a step
	Batch       int      `json:"batch"`  // rows a task group
	LR          float64  `json:"lr"`
	RouterLR    float64  `json:"routerLr"`
	BaseLR      float64  `json:"baseLr"`
	WeightDecay *float64 `json:"weightDecay"`
	Clip        float64  `json:"clip"`
	Warmup      int      `json:"warmup"` // below 0: 6 % of the steps
	Schedule    string   `json:"schedule"`
	TrainBase   bool     `json:"baseTrainable"`
	Ship        bool     `json:"ship"` // only tasks that may be shipped
	Truncate    bool     `json:"truncate"`
	Held        float64  `json:"held"` // fraction of each task's rows kept aside
	Seed        uint64   `json:"seed"`

	// What follows may change when a run is gone on with.
	HeldRows  int    `json:"-"` // rows of each task that are scored; 0: all that are kept aside
	EvalEvery int    `json:"-"` // steps between scores of what is kept aside; 0: at the end only
	SaveEvery int    `json:"-"` // steps between checkpoints; 0: at the end only
	DType     string `json:"-"` // of the result: F32, F16
	Name      string `json:"-"` // of the inventory
	BaseFile  string `json:"-"` // the base's file and its SHA-256, for the manifest
	BaseHash  string `json:"-"`
}

// PretrainDefaults are mttl's settings for NI where it has some (METHOD A3):
// AdamW, learning rates 1e-3 and 0.1, 6 % warm-up, linear decay.
func PretrainDefaults() PretrainOptions {
	return PretrainOptions{Skills: 8, Splits: 8, Rank: 4, InitRows: "fresh", Granularity: "fine", Steps: 1000, Groups: 8, Batch: 4, LR: 1e-3, RouterLR: 0.1, BaseLR: 3e-4, Clip: 1,
		Warmup: -1, Schedule: "linear", Held: 0.05, HeldRows: 16, DType: "F32"}
}

// Check refuses settings outside their range by the name of their flag.
func (o *PretrainOptions) Check() error {
	bad := func(name, format string, args ...any) error {
		return fault.Inputf("pretrain", "--"+name+" "+format, args...)
	}
	for _, n := range []struct {
		name   string
		v, min int
	}{{"skills", o.Skills, 0}, {"splits", o.Splits, 1}, {"rank", o.Rank, 1}, {"steps", o.Steps, 1}, {"groups", o.Groups, 1}, {"batch", o.Batch, 1},
		{"save-every", o.SaveEvery, 0}, {"eval-every", o.EvalEvery, 0}, {"held-rows", o.HeldRows, 0}} {
		if n.v < n.min {
			return bad(n.name, "%d, want %d or more", n.v, n.min)
		}
	}
	rates := map[string]float64{"lr": o.LR, "router-lr": o.RouterLR, "base-lr": o.BaseLR, "clip": o.Clip}
	if o.WeightDecay != nil {
		rates["weight-decay"] = *o.WeightDecay
	}
	for name, v := range rates {
		if !(v >= 0) || math.IsInf(v, 0) {
			return bad(name, "%v, want a number of 0 or more", v)
		}
	}
	switch {
	case o.Schedule != "linear" && o.Schedule != "constant":
		return bad("schedule", "%q, want constant, linear", o.Schedule)
	case !(o.Held >= 0 && o.Held < 1):
		return bad("held", "%v, want a fraction from 0 to below 1", o.Held)
	case o.DType != "F32" && o.DType != "F16":
		return bad("dtype", "%q, want F32 or F16", o.DType)
	case o.Skills == 0 && !o.TrainBase:
		return bad("skills", "0 trains nothing without --base-trainable")
	case o.Batches == nil && len(o.Tasks) == 0:
		return bad("tasks", "is missing; give a folder of tasks, or --batches")
	}
	if _, err := skill.ParseGranularity(o.Granularity); err != nil {
		return err
	}
	_, err := pretrain.ParseRowInit(o.InitRows)
	return err
}

// optim are the optimiser's settings: --weight-decay goes for every trained
// tensor; unset it is 0.01, and 0 for logits.
func (o *PretrainOptions) optim() tune.Optim {
	t := tune.Optim{LR: o.LR, RouterLR: o.RouterLR, Decay: 0.01, Clip: o.Clip, Warmup: o.Warmup, Steps: o.Steps, Linear: o.Schedule == "linear"}
	if o.WeightDecay != nil {
		t.Decay, t.RouterDecay = *o.WeightDecay, *o.WeightDecay
	}
	if t.Warmup < 0 {
		t.Warmup = o.Steps * 6 / 100
	}
	return t
}

// settings are what a run must have in common with the one it goes on from.
func (o *PretrainOptions) settings(data string) (map[string]json.RawMessage, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	m := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	m["data"], err = json.Marshal(data)
	return m, err
}

// PretrainEvent is one thing that happened; exactly one field is set.
type PretrainEvent struct {
	Plan       *PretrainPlan
	Step       *PretrainStep
	Held       *HeldLoss
	Checkpoint *Checkpoint
}

// PretrainPlan comes first.
type PretrainPlan struct {
	Tasks, Families, Rows, Held int
	Steps, Done                 int // steps in all, and those of the run that is gone on with
	Trainable                   int // parameters
	Shapes                      []int
	Arena                       int64 // bytes of values of a step of the largest shape
	Dispatches                  int
	Cut                         int      // rows cut at the front of their input
	Notes                       []string // what was left out
}

// PretrainStep is one optimiser step, as train.jsonl has it.
type PretrainStep struct {
	Step     int     `json:"step"` // from 1
	Loss     float64 `json:"loss"` // nats per label token, before the update
	LR       float64 `json:"lr"`
	GradNorm float64 `json:"grad_norm"` // before clipping
	MS       float64 `json:"ms"`
}

// HeldLoss is the loss on what is kept aside, in nats per label token: of each
// task, and the mean of the tasks.
type HeldLoss struct {
	Step  int                `json:"step"`
	Loss  float64            `json:"held_loss"`
	Tasks map[string]float64 `json:"held_tasks"`
}

// Checkpoint streams the state after a step. It must be called, if at all,
// before the event's handler returns.
type Checkpoint struct {
	Step  int
	Write func(io.Writer) error
}

// Pretrained is a run's result.
type Pretrained struct {
	Steps   int // done
	Stopped bool
	First   float64 // losses of the first and the last step of this call
	Last    float64
	Held    *HeldLoss // nil where nothing was kept aside
	files   []File
}

// Export is the PEFT folder with manifest, routers, card and, where it was
// trained, the base.
func (p *Pretrained) Export() []File { return p.files }
