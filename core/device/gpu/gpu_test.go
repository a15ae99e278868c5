//go:build !js

package gpu_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"handful/core/device"
	"handful/core/device/devicetest"
	"handful/core/device/gpu"
	"handful/core/fault"
)

// TestMain points Vulkan's loader to lavapipe, Mesa's driver that computes on
// the CPU, unless the caller chose a driver.
func TestMain(m *testing.M) {
	if os.Getenv("VK_ICD_FILENAMES") == "" {
		for _, dir := range []string{"/usr/share", "/usr/local/share", "/etc"} {
			if found, _ := filepath.Glob(dir + "/vulkan/icd.d/lvp_icd*.json"); len(found) > 0 {
				os.Setenv("VK_ICD_FILENAMES", found[0])
				break
			}
		}
	}
	os.Exit(m.Run())
}

// families are the kernel families, each of which must pass everything.
var families = []string{"register", "tiled"}

// open opens the GPU or skips the test with the reason.
func open(t *testing.T, o device.Options) *gpu.Device {
	t.Helper()
	o.Kind = "gpu"
	d, _, err := device.Open(context.Background(), o)
	if fault.Is(err, fault.NoGPU) {
		t.Skipf("SKIPPED, no GPU: %v (lavapipe is mesa-vulkan-drivers and libvulkan1 on Debian)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d.(*gpu.Device)
}

// run runs cases on d and wants nothing left over afterwards.
func run(t *testing.T, d *gpu.Device, cases []devicetest.Case) {
	t.Helper()
	start := time.Now()
	for _, c := range cases {
		at := time.Now()
		before := d.Counts()
		if err := c.Run(context.Background(), d); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if took := time.Since(at); took > time.Second {
			t.Logf("%s: %v", c.Name, took.Round(time.Millisecond))
		}
		after := d.Counts()
		before.Pipelines, after.Pipelines = 0, 0 // pipelines stay for the next program
		if after != before {
			t.Errorf("%s: objects %+v before, %+v after", c.Name, before, after)
		}
	}
	t.Logf("%s, %s: %d cases in %v", d.Info().Name, d.Info().Family, len(cases), time.Since(start).Round(time.Millisecond))
}

func TestConformance(t *testing.T) {
	for _, f := range families {
		t.Run(f, func(t *testing.T) { run(t, open(t, device.Options{Family: f}), devicetest.Cases()) })
	}
}

func TestSplitWeights(t *testing.T) {
	for _, f := range families {
		t.Run(f, func(t *testing.T) {
			d := open(t, device.Options{Family: f, MaxBinding: devicetest.SplitBinding})
			if got := d.Info().MaxBinding; got != devicetest.SplitBinding {
				t.Fatalf("MaxBinding %d, want %d", got, devicetest.SplitBinding)
			}
			run(t, d, devicetest.SplitCases())
		})
	}
}

// A family that does not exist is the caller's mistake, whatever GPU there is.
func TestUnknownFamily(t *testing.T) {
	_, _, err := device.Open(context.Background(), device.Options{Kind: "gpu", Family: "fast"})
	if !fault.Is(err, fault.Input) {
		t.Errorf("got %v, want an input fault", err)
	}
}
