package gpu

import (
	"context"
	"time"
)

// Sources are the expanded WGSL of all pipelines that d has made, with
// their names.
func (d *Device) Sources() map[string]string {
	m := map[string]string{}
	for src, p := range d.pipes {
		m[src] = p.name
	}
	return m
}

// TryShader compiles a shader of one read-write binding.
func (d *Device) TryShader(name, src string) error {
	_, err := d.pipeline(context.Background(), name, src, "w")
	return err
}

// Maps is how many buffers have been mapped to be read.
func (d *Device) Maps() int { return d.maps }

// SetSlice sets how long one submit may take.
func (d *Device) SetSlice(t time.Duration) { d.slice = t }
