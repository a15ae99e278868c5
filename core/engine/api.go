// Package engine is the façade: the one API that the command line, the page's
// Worker and other Go programs call. It opens a base model with an inventory
// on a device, adapts, scores, evaluates, generates and exports.
package engine

import (
	"handful/core/device"
	"handful/core/eval"
	"handful/core/format"
	"handful/core/share"
	"handful/core/task"
	"handful/core/tune"
)

// OpenOptions say what to open. Folders are files as a person picked them;
// what they are is told by their content.
type OpenOptions struct {
	Base      format.Folder // HF checkpoint folder or one .gguf
	Inventory format.Folder // PEFT POLY folder, checkpoint of mttl, or LoRAs; nil for none
	Adapter   format.Folder // PEFT LORA, IA3 or POLY folder, checkpoint of mttl or .handful file, to run or to begin with; nil for none
	Device    device.Options
	Progress  func(Progress) // may be nil

	OpenDevice DeviceOpener // nil: device.Open

	TrainBase  bool   // hold the base's weights as F32, so that Pretrain can train them
	RandomBase bool   // begin from random values: Base needs only config.json and a tokenizer
	Seed       uint64 // of RandomBase
}

// Progress tells how far opening is. Status is one of read, upload, compile,
// ready (a front end that downloads adds download and verify).
type Progress struct {
	Status string `json:"status"`
	File   string `json:"file,omitempty"`
	Loaded int64  `json:"loaded"`
	Total  int64  `json:"total"`
}

// Info describes an open engine.
type Info struct {
	Model     string      `json:"model"`  // name or file of the base
	Params    int64       `json:"params"` // of the base
	Bytes     int64       `json:"bytes"`  // of the base's weights at rest
	Layers    int         `json:"layers"` // of the decoder
	Encoder   int         `json:"encoderLayers,omitempty"`
	Hidden    int         `json:"hidden"`    //
	Vocab     int         `json:"vocab"`     //
	Context   int         `json:"context"`   // longest row in tokens
	Quant     string      `json:"quant"`     // dtype of most weights
	Tokenizer bool        `json:"tokenizer"` // false: only pre-tokenised examples
	Device    device.Info `json:"device"`    //
	DeviceWhy string      `json:"deviceWhy"` // why this device
	Inventory *InvInfo    `json:"inventory"` // nil without one
	Licence   string      `json:"licence"`   // as the file says, "" when it does not
	Resident  int64       `json:"resident"`  // bytes of weights on the device
	Need      *Need       `json:"need"`      // nil where the device does not tell what room it has
	Adapter   *share.Card `json:"adapter"`   // of an opened code or .handful file
}

// InvInfo describes an inventory.
type InvInfo struct {
	Name      string   `json:"name"`
	Skills    int      `json:"nSkills"`
	Splits    int      `json:"nSplits"`
	Rank      int      `json:"rank"`
	Tasks     int      `json:"nTasks"`
	Sites     int      `json:"sites"`
	Params    int64    `json:"params"`
	TaskNames []string `json:"taskNames,omitempty"`
	Gradients bool     `json:"gradients,omitempty"` // a task's can be compared with its training tasks'

	// FewShot are options of Adapt that the inventory recommends, by method.
	FewShot map[string]map[string]any `json:"fewShot,omitempty"`
}

// AdaptOptions have the command line's names in camelCase. They are complete:
// start from Defaults and change what is asked for (0 is a value, "off").
type AdaptOptions struct {
	Examples     string   `json:"examples"` // JSONL, JSON array, CSV, TSV or "text => label" lines
	Method       string   `json:"method"`   // z, mu, mhr, lora, ia3
	Instruction  string   `json:"instruction"`
	Options      []string `json:"options"` // labels to choose from, of rows without options of their own; empty: the outputs, where they are few and come again
	Steps        int      `json:"steps"`
	Batch        int      `json:"batch"`
	LR           float64  `json:"lr"`       // of A and B
	RouterLR     float64  `json:"routerLr"` // of the logits
	WeightDecay  *float64 `json:"weightDecay"`
	Clip         float64  `json:"clip"`        // 0: off
	Warmup       int      `json:"warmup"`      // steps
	Schedule     string   `json:"schedule"`    // constant, linear
	Optimizer    string   `json:"optimizer"`   // adamw, adafactor
	Loss         string   `json:"loss"`        // lm, tfew, ni, auto
	RouterInit   string   `json:"routerInit"`  // fresh, mean, task:ID, best, best:K, keep
	Selector     string   `json:"selector"`    // sigmoid, l2, straight-through, correction, shared
	Granularity  string   `json:"granularity"` // fine, layer, block, coder, coarse: who shares a router
	Relaxed      bool     `json:"relaxed"`     // sample routes while training
	Order        string   `json:"order"`       // shuffle, file
	Shots        int      `json:"shots"`       // 0: all rows
	Holdout      float64  `json:"holdout"`     // fraction kept aside for scoring
	Held         string   `json:"held"`        // rows to score on, instead of Holdout
	task.Sides            // which columns of Examples and Held are the input and the output
	Score        bool     `json:"score"` // score base, mean and adapted on what is held, and follow its loss
	Keep         string   `json:"keep"`  // last, or best: the state of the lowest loss on what is held
	Truncate     bool     `json:"truncate"`
	SaveSteps    []int    `json:"saveSteps"`
	Rank         int      `json:"rank"`        // lora from scratch
	Alpha        float64  `json:"alpha"`       // lora: the update is scaled by alpha/rank
	Targets      []string `json:"targets"`     // lora, ia3 from scratch: suffixes, or one regex
	FromAdapter  bool     `json:"fromAdapter"` // lora, ia3: begin with the opened adapter
	Seed         uint64   `json:"seed"`
	RoutingEvery int      `json:"routingEvery"` // steps between Routing events; 0: only at the end

	SnapshotEvery float64 `json:"snapshotEvery"` // seconds between Snapshot events; 0: none

	// ScaleParameter makes Adafactor's rates relative to each tensor's RMS.
	ScaleParameter bool `json:"scaleParameter"`
}

// Event is one thing that happened while adapting; exactly one field is set.
type Event struct {
	Resumed *ResumedEvent `json:"resumed,omitempty"`

	Start   *StartEvent `json:"start,omitempty"`
	Plan    *PlanEvent  `json:"plan,omitempty"`
	Step    *StepEvent  `json:"step,omitempty"`
	Held    *HeldStep   `json:"held,omitempty"`
	Routing *Routing    `json:"routing,omitempty"`
	Score   *ScoreRow   `json:"score,omitempty"`
	Save    *SaveEvent  `json:"save,omitempty"`

	Snapshot *SnapshotEvent `json:"snapshot,omitempty"`
	Lost     *LostEvent     `json:"lost,omitempty"`
}

// ResumedEvent comes first of a run that goes on: what it was asked, with the
// examples, and what it has done.
type ResumedEvent struct {
	Options    AdaptOptions `json:"options"`
	Steps      []StepEvent  `json:"steps"`
	HeldLosses []HeldStep   `json:"heldLosses,omitempty"`
}

// StartEvent tells how the search for a start goes on, before the plan; the
// last one has what was found.
type StartEvent struct {
	Done     int        `json:"done"` // forwards
	Of       int        `json:"of"`
	Examples int        `json:"examples,omitempty"` // that the rows were tried on
	Rows     []StartRow `json:"rows,omitempty"`     // best first: training starts from their mean
}

// StartRow is a training task that routing starts from.
type StartRow struct {
	Task string  `json:"task"`
	Loss float64 `json:"loss"` // of the examples under its row, nats per label token
}

// PlanEvent comes first of what is always told: what will be done with which
// rows.
type PlanEvent struct {
	Train      int      `json:"train"`      // rows trained on
	Held       int      `json:"held"`       // rows kept aside
	Followed   int      `json:"followed"`   // of those whose loss is told while training
	Steps      int      `json:"steps"`      //
	Trainable  int      `json:"trainable"`  // parameters
	Tokens     int      `json:"tokens"`     // of the largest batch, or part of one
	Parts      int      `json:"parts"`      // of the largest batch; more than 1 where memory is short
	Arena      int64    `json:"arena"`      // bytes of values per step
	Dispatches int      `json:"dispatches"` // per step
	Stored     string   `json:"stored"`     // for a step's way back: products, or blocks where memory is short
	Loss       string   `json:"loss"`       // what is trained with: lm, tfew or ni
	Cut        []CutRow `json:"cut,omitempty"`
	Hints      []string `json:"hints,omitempty"`

	// Recommended are the settings that are as the inventory recommends, such
	// as "router-lr 0.5".
	Recommended []string `json:"recommended,omitempty"`
}

// CutRow is a row whose input was cut at its front.
type CutRow struct {
	Line   int `json:"line"`
	Tokens int `json:"tokens"` // cut away
}

// StepEvent is one optimiser step. Loss is the one before the update.
type StepEvent struct {
	Step     int     `json:"step"` // from 1
	Loss     float64 `json:"loss"` // nats; lm's is per label token
	LR       float64 `json:"lr"`
	GradNorm float64 `json:"gradNorm"` // before clipping
	MS       float64 `json:"ms"`
}

// HeldStep is the loss of held-out rows after a step, up to ten times in a run:
// of a balanced draw of them where all would take too long.
type HeldStep struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"` // that which is trained with: StepEvent's
}

// SaveEvent carries the adapter's files at a saved step.
type SaveEvent struct {
	Step  int    `json:"step"`
	Files []File `json:"-"`
}

// LostEvent tells that the device was lost or wrong, and that the run goes on
// from after Step, maybe on another device: the steps since then are told again.
type LostEvent struct {
	Step   int         `json:"step"`
	Why    string      `json:"why"`
	Device device.Info `json:"device"` // from now on
}

// SnapshotEvent is a run after a step, which Resume goes on with. It holds the
// examples.
type SnapshotEvent struct {
	Step  int    `json:"step"`
	Bytes []byte `json:"-"`
}

// Routing is the mixture per site: W[site][head][skill].
type Routing struct {
	Step  int           `json:"step"`
	Sites []string      `json:"sites"`
	W     [][][]float32 `json:"w"`
}

// ScoreRow is one line of the score table.
type ScoreRow struct {
	Name     string         `json:"name"` // base, mean, adapted
	N        int            `json:"n"`
	Accuracy float64        `json:"accuracy"`           // of the best-scoring label, or of the greedy answer
	Balanced float64        `json:"balanced"`           // mean recall over labels; equals Accuracy without labels
	Interval *eval.Interval `json:"interval,omitempty"` // of Balanced, 95 %, from resampled rows
	Exact    *float64       `json:"exact,omitempty"`    // of generated answers: eval.Exact, nil where none were
	RougeL   *float64       `json:"rougeL,omitempty"`   // likewise: eval.RougeL
	Loss     float64        `json:"loss"`               // nats per label token of the right answers
	Shown    int            `json:"shown,omitempty"`    // examples that stood in the prompt
	Labels   []string       `json:"labels,omitempty"`
	Classes  int            `json:"classes,omitempty"` // how many labels; 0: none to choose from
	Rows     []Prediction   `json:"rows,omitempty"`
}

// Prediction is one held-out row's outcome.
type Prediction struct {
	Input string  `json:"input"`
	Want  string  `json:"want"`
	Got   string  `json:"got"`
	Loss  float64 `json:"loss"`
	OK    bool    `json:"ok"`               // the answer is right
	Rouge float64 `json:"rougeL,omitempty"` // of a generated answer
}

// File is one file of an export.
type File struct {
	Name  string
	Bytes []byte
}

// Fit is a finished fine-tune.
type Fit struct {
	Method     string      `json:"method"`
	Losses     []float64   `json:"losses"`
	Steps      []StepEvent `json:"steps"`
	Trainable  int         `json:"trainable"`
	Device     device.Info `json:"device"`
	Dispatches int         `json:"dispatches"` // per step
	Stopped    bool        `json:"stopped"`    // ended early by cancel
	HeldLosses []HeldStep  `json:"heldLosses,omitempty"`
	Kept       int         `json:"kept,omitempty"`  // the step whose state it is; 0: not known
	Start      []StartRow  `json:"start,omitempty"` // what --router-init best found
	Routing    *Routing    `json:"routing,omitempty"`
	Scores     []ScoreRow  `json:"scores,omitempty"`   // on held-out rows
	Unscored   string      `json:"unscored,omitempty"` // why the table is short
	Adapter    Adapter     `json:"-"`                  // for Score, Evaluate and Generate
	files      []File
	learned    *tune.Learned
	options    AdaptOptions // as they were trained with
	asked      AdaptOptions // as they were given

	recommended []string       // see PlanEvent
	prompted    []string       // options that stood in every training row's prompt
	levels      int            // of a mixture that a code told; 0: it is exact
	held        []task.Example // that the scores are of
	labels      []string       // that were chosen from there
	base        share.Weights
	inventory   *share.Weights // nil where none was open
}

// Export is the PEFT folder with routing.json, train.jsonl and a card.
func (f *Fit) Export() []File { return f.files }

// Scores is the answer of Score.
type Scores struct {
	Loss   float64     `json:"loss"` // mean over all label tokens, nats
	Rows   []RowScore  `json:"rows"`
	Logits [][]float32 `json:"-"` // per row [tokens, vocab], with KeepLogits
}

// RowScore is the likelihood of one row's labels, in nats.
type RowScore struct {
	NLLSum  float64 `json:"nll_sum"`
	NLLMean float64 `json:"nll_mean"`
	Tokens  int     `json:"tokens"`
}

// GenerateOptions control generation. Temperature 0 is greedy. Of an
// encoder-decoder the prompt is what it answers to.
type GenerateOptions struct {
	Prompt      string   `json:"prompt"`
	Instruction string   `json:"instruction"`
	Options     []string `json:"options"` // as the rows that were learned from had them
	MaxTokens   int      `json:"maxTokens"`
	Temperature float64  `json:"temperature"`
	TopP        float64  `json:"topP"`
	Seed        uint64   `json:"seed"`
	Raw         bool     `json:"raw"` // Prompt as it is, not through the inventory's template

	// Beams above 1 search for the answer whose Σ log p / tokens^LengthPenalty is
	// best (nil: 1, the mean), with so many beams; it comes whole, at the end.
	Beams         int      `json:"beams"`
	LengthPenalty *float64 `json:"lengthPenalty"`
}
