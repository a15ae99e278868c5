package gpu_test

import (
	"context"
	"testing"

	"handful/core/device"
	"handful/core/device/devicetest"
)

// Gradients agree with finite differences of the same device.
func TestGradients(t *testing.T) {
	for _, f := range families {
		t.Run(f, func(t *testing.T) {
			d := open(t, device.Options{Family: f})
			for _, c := range devicetest.GradChecks() {
				if err := c.Run(context.Background(), d); err != nil {
					t.Errorf("%s: %v", c.Name, err)
				}
			}
		})
	}
}
