package gpu_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/devicetest"
	"handful/core/device/gpu"
	"handful/core/device/gpu/lavapipe"
	"handful/core/fault"
)

// TestMain takes Mesa's CPU adapter where nobody chose another.
func TestMain(m *testing.M) {
	lavapipe.Use()
	os.Exit(m.Run())
}

// open opens the GPU; without one the test is skipped.
func open(t *testing.T, o device.Options) device.Device {
	t.Helper()
	o.Kind = "gpu"
	d, _, err := device.Open(context.Background(), o)
	if err != nil {
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.NoGPU {
			t.Fatalf("a GPU that can't be opened gives %v, want a NoGPU fault", err)
		}
		t.Skipf("SKIPPED: %v", err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// families are the kernel families: each must pass everything.
var families = []string{"register", "tiled"}

func TestConformance(t *testing.T) {
	for _, f := range families {
		t.Run(f, func(t *testing.T) {
			cases := devicetest.Cases()
			if os.Getenv("HANDFUL_SLOW") == "" {
				if f == "tiled" {
					t.Skip("tiled kernels compile for minutes on Mesa's CPU adapter, in Chromium the quick tests run them: set HANDFUL_SLOW")
				}
				cases = slices.DeleteFunc(cases, func(c devicetest.Case) bool { return strings.HasSuffix(c.Name, " of 256") }) // so do these
			}
			t.Parallel() // on a CPU, kernels compile on one processor
			d := open(t, device.Options{Family: f})
			run(t, d, cases)
			validate(t, d.(*gpu.Device))
		})
	}
}

func TestFault11ConformanceSplit(t *testing.T) {
	for _, f := range families {
		t.Run(f, func(t *testing.T) {
			cases := devicetest.SplitCases()
			if f == "tiled" { // pieces are cut the same way in every family: one type will do
				cases = slices.DeleteFunc(cases, func(c devicetest.Case) bool {
					return !strings.Contains(c.Name, " Q4_1 ")
				})
			}
			run(t, open(t, device.Options{Family: f, MaxBinding: devicetest.SplitBinding}), cases)
		})
	}
}

// Rows beyond what one dimension of a dispatch may count are folded.
func TestFault12RowsBeyondADispatch(t *testing.T) {
	cases := slices.DeleteFunc(devicetest.Cases(), func(c devicetest.Case) bool { return !strings.Contains(c.Name, "65537") })
	if len(cases) < 5 {
		t.Fatalf("%d cases have so many rows", len(cases))
	}
	run(t, open(t, device.Options{Family: families[0]}), cases)
}

// TestBaseGradientsAgainstDifferences holds what training a base needs against
// differences on the gpu itself; the other derivatives are compared with the
// reference, which is held against differences on the cpu.
func TestBaseGradientsAgainstDifferences(t *testing.T) {
	d := open(t, device.Options{Family: families[0]})
	n := 0
	for _, c := range devicetest.GradChecks() {
		if !strings.HasPrefix(c.Name, "base ") {
			continue
		}
		n++
		if err := c.Run(context.Background(), d); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if n < 2 {
		t.Errorf("%d checks of a base's gradients, want 2", n)
	}
}

func run(t *testing.T, d device.Device, cases []devicetest.Case) {
	only := os.Getenv("HANDFUL_CASE")
	for _, c := range cases {
		if only != "" && !strings.Contains(c.Name, only) {
			continue
		}
		before := d.(*gpu.Device).Counts()
		if err := c.Run(context.Background(), d); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		after := d.(*gpu.Device).Counts()
		if after.Buffers != before.Buffers || after.BindGroups != before.BindGroups {
			t.Errorf("%s: objects alive before %+v, after %+v", c.Name, before, after)
		}
	}
}
