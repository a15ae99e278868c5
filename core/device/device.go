// Package device is the seam between graphs and what computes them.
package device

import (
	"context"
	"runtime"
	"sync"

	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// Device runs compiled graphs and owns the variables' values. Its methods are
// not safe for concurrent use, except Lost and Close.
type Device interface {
	Info() Info
	// Compile plans the graph that outs need and makes everything a run wants:
	// pipelines, buffers, bind groups. Outs may be read after a run; AdamW and
	// StoreRows nodes among them are executed.
	Compile(ctx context.Context, outs ...*graph.Node) (Program, error)
	// ReadVar copies a variable's bytes, WriteVar sets them (F32 and I32
	// variables only: stored weights are read-only).
	ReadVar(ctx context.Context, v *tensor.Var, dst []byte) error
	WriteVar(ctx context.Context, v *tensor.Var, src []byte) error
	// Free drops variables' values; the next use starts from Init again.
	Free(vars ...*tensor.Var)
	// Lost gets at most one value, when the device is gone; never for Close.
	Lost() <-chan error
	Close() error
}

// Program is a compiled graph.
type Program interface {
	// Write sets an input for the runs to come; len(data) must be its size. An
	// input that no output needs is ignored.
	Write(in *graph.Node, data []byte) error
	// Run executes every step once. It may return before a GPU is done.
	Run(ctx context.Context) error
	// Read waits for the runs so far and copies an output's value.
	Read(ctx context.Context, out *graph.Node, dst []byte) error
	Stats() Stats
	Close() error
}

// Info says what a device is.
type Info struct {
	Kind       string `json:"kind"`       // "cpu" or "gpu"
	Name       string `json:"name"`       // as people know it: an adapter's name, "Go", "Go + wasm SIMD (relaxed)"
	Backend    string `json:"backend"`    // "webgpu", "vulkan", "gonum", "wasm-simd", "go"
	Family     string `json:"family"`     // kernel family in use
	Software   bool   `json:"software"`   // a GPU adapter that computes on the CPU
	MaxBinding int    `json:"maxBinding"` // bytes of one tensor in one piece; 0 means no limit
	Memory     int64  `json:"memory"`     // budget of a step in bytes; 0 means unknown
	Total      int64  `json:"total"`      // bytes that weights and steps may take together; 0 means unknown
}

// Over is the Memory fault of a step that needs more than its budget, in bytes.
func Over(op string, need, budget int64) error {
	mb := func(n int64) int64 { return (n + 999_999) / 1_000_000 }
	return fault.New(fault.Memory, op, "a step needs %d MB, the budget is %d MB", mb(need), budget/1_000_000).
		Next("take a smaller batch or shorter rows, or raise --memory")
}

// Budgeted is a Device that knows what room there is.
type Budgeted interface {
	// Held is how many bytes a variable takes there.
	Held(v *tensor.Var) int64
	// Limit sets the budget of a step.
	Limit(step int64)
}

// Stats counts what one run costs.
type Stats struct {
	Dispatches int   // kernels run
	Submits    int   // queue submissions
	Arena      int64 // bytes of values between steps
	Inputs     int64 // bytes of inputs
}

// Options choose and limit a device.
type Options struct {
	Kind       string `json:"kind"`       // "auto", "cpu" or "gpu"
	Family     string `json:"family"`     // kernel family; "" is measured on first use
	MaxBinding int    `json:"maxBinding"` // lower the adapter's limit; 0 keeps it
	Memory     int64  `json:"memory"`     // budget in bytes; 0 asks the device
}

// Opener opens a device or says why not, by a NoGPU fault where no adapter is.
type Opener func(ctx context.Context, o Options) (Device, error)

var (
	mu      sync.Mutex
	openers = map[string]Opener{}
)

// Register is called by device packages' init functions; twice panics.
func Register(kind string, open Opener) {
	mu.Lock()
	defer mu.Unlock()
	if openers[kind] != nil {
		panic("device: " + kind + " registered twice")
	}
	openers[kind] = open
}

// Open opens a device of the kind that o names and tells why this one. "gpu"
// never falls back; "auto" takes a hardware GPU where one opens, else the cpu.
func Open(ctx context.Context, o Options) (d Device, why string, err error) {
	cpu, gpu := openers["cpu"], openers["gpu"]
	switch o.Kind {
	case "cpu", "gpu":
		open := openers[o.Kind]
		if open == nil {
			return nil, "", fault.Unsupportedf("device", "this build has no %s device", o.Kind)
		}
		d, err = open(ctx, o)
		return d, "asked for", err
	case "auto", "":
	default:
		return nil, "", fault.Inputf("device", "got %q, want auto, cpu or gpu", o.Kind)
	}
	why = "no GPU device in this build"
	if gpu != nil {
		d, err = gpu(ctx, o)
		switch {
		case err != nil:
			why = err.Error()
		case d.Info().Software:
			why = "the only GPU adapter (" + d.Info().Name + ") computes on the CPU, where the cpu device is faster"
			d.Close()
		default:
			return d, "a hardware GPU is faster", nil
		}
	}
	if cpu == nil {
		return nil, "", fault.Unsupportedf("device", "this build has no cpu device on %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	d, err = cpu(ctx, o)
	return d, why, err
}
