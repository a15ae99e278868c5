package devicetest_test

import (
	"context"
	"testing"

	"handful/core/device/cpu"
	"handful/core/device/devicetest"
)

func TestConformance(t *testing.T) {
	for name, k := range map[string]cpu.Kernels{"reference": cpu.Reference, "fast": cpu.Fast} {
		t.Run(name, func(t *testing.T) {
			d := cpu.New(k)
			defer d.Close()
			for _, c := range append(devicetest.Cases(), devicetest.SplitCases()...) {
				if err := c.Run(context.Background(), d); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			}
		})
	}
}
