package cpu_test

import (
	"context"
	"testing"

	"handful/core/device"
	_ "handful/core/device/cpu"
	"handful/core/device/devicetest"
)

// TestFamilies runs the suite on every family of products that loads here;
// devicetest itself runs it on the reference and the default.
func TestFamilies(t *testing.T) {
	for _, family := range []string{"avx2", "neon", "gonum", "relaxed", "plain", "go"} {
		t.Run(family, func(t *testing.T) {
			d, _, err := device.Open(context.Background(), device.Options{Kind: "cpu", Family: family})
			if err != nil {
				t.Skipf("SKIPPED: %v", err)
			}
			defer d.Close()
			for _, c := range devicetest.Cases() {
				if err := c.Run(context.Background(), d); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			}
		})
	}
}
