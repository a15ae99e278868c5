package ui

import "handful/core/fault"

// What the engine says, as it comes over rpc. These mirror core/engine's
// types, which would pull the whole engine into the page's program; a test
// holds their names against the originals.

type progress struct {
	Status string  `json:"status"` // verify, wait, download, retry, read, upload, compile, ready
	File   string  `json:"file"`
	Loaded int64   `json:"loaded"`
	Total  int64   `json:"total"` // 0: unknown
	Rate   float64 `json:"rate"`  // bytes per second, of a download
}

type deviceInfo struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Backend  string `json:"backend"`
	Family   string `json:"family"`
	Software bool   `json:"software"`
}

type info struct {
	Model     string     `json:"model"`
	Params    int64      `json:"params"`
	Bytes     int64      `json:"bytes"`
	Layers    int        `json:"layers"`
	Hidden    int        `json:"hidden"`
	Context   int        `json:"context"`
	Quant     string     `json:"quant"`
	Tokenizer bool       `json:"tokenizer"`
	Device    deviceInfo `json:"device"`
	DeviceWhy string     `json:"deviceWhy"`
	Inventory *invInfo   `json:"inventory"`
	Licence   string     `json:"licence"`
	Files     []gotten   `json:"files"`
	Need      *need      `json:"need"`
}

// need is the memory that a base takes, in bytes.
type need struct {
	Weights int64 `json:"weights"`
	Step    int64 `json:"step"`
}

// gotten says where a file was gotten that was given by address.
type gotten struct {
	Of   string `json:"of"`   // base, inventory
	From string `json:"from"` // network, storage, page
	Kept bool   `json:"kept"`
	Why  string `json:"why"`
}

type invInfo struct {
	Name   string `json:"name"`
	Skills int    `json:"nSkills"`
	Splits int    `json:"nSplits"`
	Rank   int    `json:"rank"`
	Tasks  int    `json:"nTasks"`
	Sites  int    `json:"sites"`
	Params int64  `json:"params"`

	Gradients bool `json:"gradients"` // those of its training tasks are known

	FewShot map[string]map[string]any `json:"fewShot"` // recommended options by method
}

type preview struct {
	Rows    int            `json:"rows"`
	Format  string         `json:"format"`
	Labels  map[string]int `json:"labels"`
	Faults  []*fault.Error `json:"faults"`
	Hints   []string       `json:"hints"`
	Options []string       `json:"options"`
	Prompt  string         `json:"prompt"`
	Answer  string         `json:"answer"`
	Chosen  int            `json:"chosen"`
	Table   []previewRow   `json:"table"`
	Columns *columns       `json:"columns"`
	Tokens  int            `json:"tokens"`
	Longest int            `json:"longest"`
	Cut     []cutRow       `json:"cut"`
}

type previewRow struct {
	Line   int    `json:"line"`
	Input  string `json:"input"`
	Output string `json:"output"`
	Tokens int    `json:"tokens"`
	Learn  int    `json:"learn"`
	Cut    int    `json:"cut"`
}

// columns are those of a table that names no input or no output.
type columns struct {
	Names  []string `json:"names"`
	Sample []string `json:"sample"`
}

type cutRow struct {
	Line   int `json:"line"`
	Tokens int `json:"tokens"`
}

type planEvent struct {
	Train      int      `json:"train"`
	Held       int      `json:"held"`
	Followed   int      `json:"followed"` // of those whose loss is told while training
	Steps      int      `json:"steps"`
	Trainable  int      `json:"trainable"`
	Tokens     int      `json:"tokens"`
	Arena      int64    `json:"arena"`
	Dispatches int      `json:"dispatches"`
	Loss       string   `json:"loss"`
	Cut        []cutRow `json:"cut"`
	Hints      []string `json:"hints"`

	Recommended []string `json:"recommended"` // settings that are as the inventory says
}

type stepEvent struct {
	Step int     `json:"step"` // from 1
	Loss float64 `json:"loss"` // nats per label token, before the update
	MS   float64 `json:"ms"`
}

// heldStep is the loss of held-out rows after a step.
type heldStep struct {
	Step int     `json:"step"`
	Loss float64 `json:"loss"` // in the unit of training
}

type routing struct {
	Step  int           `json:"step"`
	Sites []string      `json:"sites"`
	W     [][][]float32 `json:"w"` // [site][head][skill]
}

type scoreRow struct {
	Name     string       `json:"name"` // base, mean, adapted
	N        int          `json:"n"`
	Accuracy float64      `json:"accuracy"`
	Balanced float64      `json:"balanced"`
	Loss     float64      `json:"loss"`
	Interval *interval    `json:"interval"` // of Balanced, 95 %
	Shown    int          `json:"shown"`    // examples that stood in the prompt
	Labels   []string     `json:"labels"`
	Classes  int          `json:"classes"` // labels chosen from; 0: none
	Rows     []prediction `json:"rows"`
}

type interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

type prediction struct {
	Input string  `json:"input"`
	Want  string  `json:"want"`
	Got   string  `json:"got"`
	Loss  float64 `json:"loss"`
	OK    bool    `json:"ok"` // the answer is right
}

// fit is a finished fine-tune; ID names it in later calls.
type fit struct {
	ID         int        `json:"id"`
	Method     string     `json:"method"`
	Losses     []float64  `json:"losses"`
	Trainable  int        `json:"trainable"`
	Device     deviceInfo `json:"device"`
	Dispatches int        `json:"dispatches"`
	Stopped    bool       `json:"stopped"`
	Routing    *routing   `json:"routing"`
	Scores     []scoreRow `json:"scores"`
	Unscored   string     `json:"unscored"`
	HeldLosses []heldStep `json:"heldLosses"`
	Kept       int        `json:"kept"` // the step whose state it is; 0: not known
}

// lostEvent tells that a run goes on from after a step, on another device.
type lostEvent struct {
	Step   int        `json:"step"`
	Why    string     `json:"why"`
	Device deviceInfo `json:"device"`
}

// What the page asks for.

type source struct {
	Name   string `json:"name,omitempty"`
	Blob   *int   `json:"blob,omitempty"`
	URL    string `json:"url,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Of     string `json:"of,omitempty"`

	Files map[string]knownFile `json:"files,omitempty"`
}

type opening struct {
	Base      []source      `json:"base"`
	Inventory []source      `json:"inventory,omitempty"`
	Device    deviceOptions `json:"device"`
	Keep      bool          `json:"keep"`
}

type deviceOptions struct {
	Kind string `json:"kind"`
}

type previewOptions struct {
	Examples    string `json:"examples"`
	Instruction string `json:"instruction"`
	Row         int    `json:"row,omitempty"` // to show, from 0
}

type columnsOptions struct {
	Examples string `json:"examples"`
	Input    int    `json:"input"`
	Output   int    `json:"output"`
	Header   bool   `json:"header"`
}

// adaptOptions leave out what is the method's default.
type adaptOptions struct {
	Examples     string  `json:"examples"`
	Method       string  `json:"method"`
	Instruction  string  `json:"instruction,omitempty"`
	Steps        int     `json:"steps,omitempty"`
	Batch        int     `json:"batch,omitempty"`
	LR           float64 `json:"lr,omitempty"`
	RouterLR     float64 `json:"routerLr,omitempty"`
	Seed         uint64  `json:"seed,omitempty"`
	Holdout      float64 `json:"holdout,omitempty"`
	Held         string  `json:"held,omitempty"`
	Keep         string  `json:"keep,omitempty"` // last, best
	Truncate     bool    `json:"truncate"`
	RoutingEvery int     `json:"routingEvery,omitempty"`

	SnapshotEvery float64 `json:"snapshotEvery,omitempty"` // seconds
}

type generateOptions struct {
	Prompt      string   `json:"prompt"`
	Instruction string   `json:"instruction,omitempty"`
	Options     []string `json:"options,omitempty"`
	MaxTokens   int      `json:"maxTokens"`
	Adapter     any      `json:"adapter"` // a fit's id, "base" or "mean"
}

type fitOptions struct {
	ID int `json:"id"`
}

type againstOptions struct {
	ID    int    `json:"id"`
	With  string `json:"with"` // icl, z, mu, lora
	Steps int    `json:"steps,omitempty"`
	Batch int    `json:"batch,omitempty"`
}

type similarOptions struct {
	ID  int    `json:"id"`
	Top int    `json:"top"`
	By  string `json:"by"` // routing, gradients
}

// similarTask is a training task that is like a fine-tune.
type similarTask struct {
	Task   string  `json:"task"`
	Cosine float64 `json:"cosine"`
}

type exportOptions struct {
	ID    int    `json:"id"`
	To    string `json:"to,omitempty"` // "": the PEFT folder with routing and log
	DType string `json:"dtype,omitempty"`
}

type sortOptions struct {
	Files []source `json:"files"`
}

// sortedFiles are the places of files by what they are for.
type sortedFiles struct {
	Base      []int `json:"base"`
	Inventory []int `json:"inventory"`
}

// weights names a file of weights.
type weights struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// identity is what is open.
type identity struct {
	Base      weights  `json:"base"`
	Inventory *weights `json:"inventory"`
}

// card says what a fine-tune is and what it stands on.
type card struct {
	Name        string     `json:"name,omitempty"`
	Made        string     `json:"made,omitempty"` // RFC 3339
	Method      string     `json:"method"`
	Base        weights    `json:"base"`
	Inventory   *weights   `json:"inventory,omitempty"`
	Instruction string     `json:"instruction,omitempty"`
	Options     []string   `json:"options,omitempty"`
	Scores      []scoreRow `json:"scores,omitempty"`
	Examples    string     `json:"examples,omitempty"`
	Held        string     `json:"held,omitempty"`
	Levels      int        `json:"levels,omitempty"`
}

// packed describes a .handful file.
type packed struct {
	ID       string `json:"id"` // sha256 of its bytes
	Bytes    int64  `json:"bytes"`
	Card     card   `json:"card"`
	Examples bool   `json:"examples"` // they are in it
}

type shared struct {
	Code   string `json:"code"`
	Levels int    `json:"levels"`
}

type agreementOptions struct {
	ID   int    `json:"id"`
	Code string `json:"code"`
}

type agreement struct {
	Same int `json:"same"`
	Of   int `json:"of"`
}

// restored is a fine-tune that was shared or kept.
type restored struct {
	fit
	Card card `json:"card"`
}

type shareOptions struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	Made      string `json:"made,omitempty"`
	Base      string `json:"base,omitempty"`
	Inventory string `json:"inventory,omitempty"`
	Examples  bool   `json:"examples,omitempty"`
}

// givenOptions name what was shared: a code, or the call's blob.
type givenOptions struct {
	Code string `json:"code,omitempty"`
	ID   string `json:"id,omitempty"` // that the file must have
}

type evaluateOptions struct {
	Examples    string `json:"examples"`
	Instruction string `json:"instruction,omitempty"`
	Truncate    bool   `json:"truncate"`
	Adapter     any    `json:"adapter"` // a fit's id or "base"
}

type exported struct {
	Names []string `json:"names"` // the blobs' names, in their order
}
