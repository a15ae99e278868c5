package chaos_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"handful/core/device/chaos"
	"handful/core/device/cpu"
	"handful/core/fault"
	"handful/core/graph"
	"handful/core/tensor"
)

// use runs y = x + x twice on d and gives what was read, with the first fault.
// Its operations are Compile, then Write, Run, Read and again.
func use(ctx context.Context, d *chaos.Device) (got []float32, err error) {
	g := graph.New()
	x := g.Input("x", tensor.F32, 2)
	y := graph.Add(x, x)
	p, err := d.Compile(ctx, y)
	if err != nil {
		return nil, err
	}
	for range 2 {
		v := make([]float32, 2)
		err = errors.Join(err, p.Write(x, tensor.F32Bytes([]float32{1, 2})), p.Run(ctx), p.Read(ctx, y, tensor.F32Bytes(v)))
		got = append(got, v...)
	}
	return got, err
}

func TestFaultsStrikeWhereTheyAreSet(t *testing.T) {
	ctx := context.Background()
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		f    []chaos.Fault
		want []float32
		kind fault.Kind
		fine bool
	}{
		"nothing":             {nil, []float32{2, 4, 2, 4}, 0, true},
		"lost at compile":     {[]chaos.Fault{{Kind: chaos.Loss}}, nil, fault.DeviceLost, false},
		"lost at second run":  {[]chaos.Fault{{Kind: chaos.Loss, At: 5}}, []float32{2, 4, 0, 0}, fault.DeviceLost, false},
		"no memory":           {[]chaos.Fault{{Kind: chaos.Memory}}, nil, fault.Memory, false},
		"NaN goes in":         {[]chaos.Fault{{Kind: chaos.NaN, At: 0}}, []float32{nan, 4, 2, 4}, 0, true},
		"NaN comes out":       {[]chaos.Fault{{Kind: chaos.NaN, At: 6}}, []float32{2, 4, nan, 4}, 0, true},
		"wrong from then on":  {[]chaos.Fault{{Kind: chaos.Wrong, At: 6}}, []float32{2, 4, 2.2, 4.4}, 0, true},
		"a delay is no fault": {[]chaos.Fault{{Kind: chaos.Delay, At: 1, Wait: time.Millisecond}}, []float32{2, 4, 2, 4}, 0, true},
	} {
		base := cpu.New(cpu.Fast)
		d := chaos.Wrap(base, base.Info(), c.f...)
		got, err := use(ctx, d)
		if (err == nil) != c.fine || err != nil && !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
		for i := range got {
			if math.Abs(float64(got[i]-c.want[i])) > 1e-6 || got[i] != got[i] != (c.want[i] != c.want[i]) {
				t.Errorf("%s: got %v, want %v", name, got, c.want)
				break
			}
		}
		if len(got) != len(c.want) || len(d.Struck()) != len(c.f) {
			t.Errorf("%s: got %v after %v", name, got, d.Struck())
		}
	}
	base := cpu.New(cpu.Fast)
	d := chaos.Wrap(base, base.Info())
	d.Lose()
	d.Lose()
	if _, err := use(ctx, d); !fault.Is(err, fault.DeviceLost) || <-d.Lost() != err || len(d.Lost()) > 0 {
		t.Errorf("lost while idle: %v", err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	d = chaos.Wrap(base, base.Info(), chaos.Fault{Kind: chaos.Delay, Wait: time.Hour})
	if _, err := use(stopped, d); !fault.Is(err, fault.Cancelled) {
		t.Errorf("stopped while it waits: %v", err)
	}
}
