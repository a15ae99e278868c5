package gpu_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handful/core/device"
	"handful/core/device/devicetest"
	_ "handful/core/device/gpu"
	"handful/core/fault"
)

// open opens the GPU, on Mesa's CPU adapter where there is no other; without
// one the test is skipped.
func open(t *testing.T, o device.Options) device.Device {
	t.Helper()
	if os.Getenv("VK_ICD_FILENAMES") == "" {
		if l, _ := filepath.Glob("/usr/share/vulkan/icd.d/lvp_icd*.json"); len(l) > 0 {
			t.Setenv("VK_ICD_FILENAMES", l[0])
		}
	}
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

func TestConformance(t *testing.T) {
	run(t, open(t, device.Options{Family: "register"}), devicetest.Cases())
}

func TestConformanceSplit(t *testing.T) {
	run(t, open(t, device.Options{Family: "register", MaxBinding: devicetest.SplitBinding}), devicetest.SplitCases())
}

// TestConformanceTiled takes Mesa's CPU adapter minutes to compile.
func TestConformanceTiled(t *testing.T) {
	if os.Getenv("HANDFUL_SLOW") == "" {
		t.Skip("SKIPPED: set HANDFUL_SLOW=1 (in make test-all)")
	}
	run(t, open(t, device.Options{Family: "tiled"}), devicetest.Cases())
}

func run(t *testing.T, d device.Device, cases []devicetest.Case) {
	only := os.Getenv("HANDFUL_CASE")
	for _, c := range cases {
		if only != "" && !strings.Contains(c.Name, only) {
			continue
		}
		if err := c.Run(context.Background(), d); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}
