package gpu_test

import (
	"context"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"handful/core/device"
	"handful/core/device/gpu"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

var ctx = context.Background()

// step is one training step of a routed layer, AdamW and all.
type step struct {
	x, slot, loss *graph.Node
	update        []*graph.Node
	vars          []*tensor.Var
}

func newStep(t *testing.T) (s step) {
	t.Helper()
	const n, in, out, rank = 5, 32, 12, 3
	values := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%7)/7 - 0.4
		}
		return v
	}
	variable := func(name string, shape ...int) *tensor.Var {
		v := tensor.FromF32(name, values(tensor.Numel(shape)), shape...)
		s.vars = append(s.vars, v)
		return v
	}
	g := graph.New()
	s.x, s.slot = g.Input("x", tensor.F32, n, in), g.Input("slot", tensor.I32, n)
	w, a, b := variable("w", out, in), variable("a", 1, in, rank), variable("b", 1, rank, out)
	a.Trainable, b.Trainable = true, true
	h := graph.Routed(s.x, g.Use(a), s.slot, 1)
	y := graph.Add(graph.Linear(s.x, g.Use(w)), graph.Routed(h, g.Use(b), s.slot, 0.5))
	s.loss = graph.Dot(y, y)
	grads, err := graph.Grad(s.loss, graph.StoreAll, a, b)
	if err != nil {
		t.Fatal(err)
	}
	norm, hyper := graph.GlobalNorm(grads...), g.Fill(0.01, 8)
	for i, p := range []*tensor.Var{a, b} {
		m, v := tensor.Zeros("m", p.Shape...), tensor.Zeros("v", p.Shape...)
		s.vars = append(s.vars, m, v)
		s.update = append(s.update, graph.AdamW(p, m, v, grads[i], norm, hyper))
	}
	return s
}

func (s step) outs() []*graph.Node { return append([]*graph.Node{s.loss}, s.update...) }

func (s step) run(p device.Program) (loss float32, err error) {
	x := make([]float32, s.x.Numel())
	for i := range x {
		x[i] = float32(i%5) - 2
	}
	if err = p.Write(s.x, tensor.F32Bytes(x)); err == nil {
		if err = p.Write(s.slot, make([]byte, s.slot.Bytes())); err == nil {
			err = p.Run(ctx)
		}
	}
	v := make([]float32, 1)
	if err == nil {
		err = p.Read(ctx, s.loss, tensor.F32Bytes(v))
	}
	return v[0], err
}

func TestAStepMakesNothing(t *testing.T) {
	for _, f := range families {
		d := open(t, device.Options{Family: f}).(*gpu.Device)
		d.SetSlice(time.Hour) // a busy machine must not slice the step
		s := newStep(t)
		p, err := d.Compile(ctx, s.outs()...)
		if err != nil {
			t.Fatal(err)
		}
		made := d.Counts()
		for range 3 {
			if _, err := s.run(p); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.Counts(); got != made {
			t.Errorf("%s: %+v after Compile, %+v after three steps", f, made, got)
		}
		if st := p.Stats(); st.Submits != 1 || st.Dispatches < 8 || st.Arena <= 0 || st.Inputs != int64(s.x.Bytes()+s.slot.Bytes()) {
			t.Errorf("%s: stats %+v", f, st)
		}
		p.Close()
	}
}

func TestFault13ASlowStepIsSlicedToTheSameNumbers(t *testing.T) {
	d := open(t, device.Options{Family: "register"}).(*gpu.Device)
	s := newStep(t)
	p, err := d.Compile(ctx, s.outs()...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	d.SetSlice(time.Nanosecond)
	var loss [2]float32
	for i := range loss {
		if loss[i], err = s.run(p); err != nil {
			t.Fatal(err)
		}
	}
	if st := p.Stats(); st.Submits != st.Dispatches {
		t.Errorf("%d submits of %d dispatches where each takes too long", st.Submits, st.Dispatches)
	}
	whole := open(t, device.Options{Family: "register"}).(*gpu.Device)
	whole.SetSlice(time.Hour)
	s = newStep(t)
	q, err := whole.Compile(ctx, s.outs()...)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for i := range loss {
		got, err := s.run(q)
		if err != nil {
			t.Fatal(err)
		}
		if got == 0 || got != loss[i] {
			t.Errorf("step %d: loss %v in one submit, %v in slices", i, got, loss[i])
		}
	}
}

// Where a map is only looked at every 100 ms, as in Firefox, a step pays for it
// once: its loss and its gradients' norm are read together.
func TestFault45AStepIsReadBackOnce(t *testing.T) {
	d := open(t, device.Options{Family: "register"}).(*gpu.Device)
	g := graph.New()
	x := g.Input("x", tensor.F32, 3)
	a, b, whole := graph.Dot(x, x), graph.GlobalNorm(x), graph.Add(x, x)
	p, err := d.Compile(ctx, a, whole, b)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for k := range 3 {
		v := []float32{3, 4, float32(k)}
		if err := p.Write(x, tensor.F32Bytes(v)); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		before, got := d.Maps(), make([]float32, 2)
		for i, n := range []*graph.Node{a, b} {
			if err := p.Read(ctx, n, tensor.F32Bytes(got[i:i+1])); err != nil {
				t.Fatal(err)
			}
		}
		if want := float32(25 + k*k); got[0] != want || math.Abs(float64(got[1]*got[1]-want)) > 1e-4 || d.Maps() != before+1 {
			t.Errorf("run %d: read %v with %d maps", k, got, d.Maps()-before)
		}
		all := make([]float32, 3)
		if err := p.Read(ctx, whole, tensor.F32Bytes(all)); err != nil || all[1] != 8 || d.Maps() != before+2 {
			t.Errorf("run %d: read %v with %d maps, %v", k, all, d.Maps()-before, err)
		}
	}
}

func TestFault08NothingIsLeftAfterClose(t *testing.T) {
	d := open(t, device.Options{Family: "register"}).(*gpu.Device)
	s := newStep(t)
	p, err := d.Compile(ctx, s.outs()...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.run(p); err != nil {
		t.Fatal(err)
	}
	p.Close()
	p.Close()
	d.Free(s.vars[:2]...)
	d.Close()
	got := d.Counts()
	if got.Made == 0 {
		t.Error("nothing was counted")
	}
	if got.Made = 0; got != (gpu.Counts{}) {
		t.Errorf("alive after Close: %+v", got)
	}
	if err := d.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if _, err := d.Compile(ctx, s.outs()...); err == nil {
		t.Error("a closed device compiles")
	}
	select {
	case err := <-d.Lost():
		t.Errorf("Close is told as a loss: %v", err)
	default:
	}
}

func TestAReadThatWasCancelledLeavesTheNextOneAlone(t *testing.T) {
	d := open(t, device.Options{Family: "register"})
	g := graph.New()
	x := g.Input("x", tensor.F32, 3)
	y := graph.Add(x, x)
	p, err := d.Compile(ctx, y)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	stopped, stop := context.WithCancel(ctx)
	stop()
	got := make([]float32, 3)
	if err := p.Write(x, tensor.F32Bytes([]float32{1, 2, 3})); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Read(stopped, y, tensor.F32Bytes(got)); !fault.Is(err, fault.Cancelled) {
		t.Errorf("got %v, want a cancelled fault", err)
	}
	if err := p.Read(ctx, y, tensor.F32Bytes(got)); err != nil || got[2] != 6 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestFault10MemoryThatThereIsNot(t *testing.T) {
	g := graph.New()
	x := g.Input("x", tensor.F32, 1<<10, 1<<10)
	y := graph.Add(graph.Add(x, x), x)
	d := open(t, device.Options{Family: "register", Memory: 1 << 20})
	before := d.(*gpu.Device).Counts()
	if _, err := d.Compile(ctx, y); !fault.Is(err, fault.Memory) || !strings.Contains(err.Error(), ";") {
		t.Errorf("above the budget: got %v, want a memory fault with a next step", err)
	}
	if got := d.(*gpu.Device).Counts(); got != before {
		t.Errorf("a refused program left %+v, was %+v", got, before)
	}

	d = open(t, device.Options{Family: "register"})
	most := d.Info().MaxBinding
	if most > 1<<30 {
		t.Skipf("SKIPPED: a tensor above the adapter's %d MB would be too large here", most>>20)
	}
	g = graph.New()
	wide := g.Fill(1, 1, most/4+1024)
	if _, err := d.Compile(ctx, graph.Add(wide, wide)); !fault.Is(err, fault.Memory) || !strings.Contains(err.Error(), "Add") {
		t.Errorf("above the adapter's limit: got %v, want a memory fault that names the op", err)
	}
}

// A family that does not exist is the caller's mistake, whatever GPU there is.
func TestUnknownFamily(t *testing.T) {
	if _, _, err := device.Open(ctx, device.Options{Kind: "gpu", Family: "fast"}); !fault.Is(err, fault.Input) {
		t.Errorf("got %v, want an input fault", err)
	}
}

// No driver: a NoGPU fault with a next step, and no other device. The Vulkan
// loader reads its environment when a process starts, so this needs a process.
func TestNoGPU(t *testing.T) {
	if os.Getenv("GPU_TEST_NONE") != "" {
		d, _, err := device.Open(ctx, device.Options{Kind: "gpu"})
		if d != nil || !fault.Is(err, fault.NoGPU) || fault.From("", err).Hint == "" {
			t.Fatalf("got %v, %v; want a NoGPU fault with a next step", d, err)
		}
		return
	}
	if runtime.GOOS == "js" {
		t.Skip("SKIPPED: no processes here; without navigator.gpu open gives NoGPU, which the other tests skip by")
	}
	c := exec.Command(os.Args[0], "-test.run=^TestNoGPU$")
	c.Env = append(os.Environ(), "GPU_TEST_NONE=1", "VK_ICD_FILENAMES=/nowhere.json", "VK_DRIVER_FILES=/nowhere.json")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
