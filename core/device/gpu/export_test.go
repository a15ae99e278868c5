package gpu

import "time"

// Sources are the expanded WGSL of all pipelines that d has made, with
// their names.
func (d *Device) Sources() map[string]string {
	m := map[string]string{}
	for src, p := range d.pipes {
		m[src] = p.name
	}
	return m
}

// SetSlice sets how long one submit may take.
func (d *Device) SetSlice(t time.Duration) { d.slice = t }
