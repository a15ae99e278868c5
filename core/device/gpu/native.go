//go:build !js

package gpu

import (
	"context"

	"github.com/gogpu/gputypes"
	"github.com/gogpu/wgpu"
)

// host is what only the browser needs.
type host struct{}

func missing() string { return "" }

// instanceDescriptor asks for the system's own interfaces. The library's
// software backend, whose results are wrong, is not even linked (backend_*.go).
func instanceDescriptor() *wgpu.InstanceDescriptor {
	return &wgpu.InstanceDescriptor{Backends: gputypes.BackendsPrimary}
}

func (d *Device) identify(i gputypes.AdapterInfo) (name string, software bool, backend string) {
	backend = i.Backend.String()
	if i.DeviceType == gputypes.DeviceTypeCPU && !isSoftware(i.Name) || i.Name == "" {
		backend = "software"
	}
	return i.Name, isSoftware(i.Name) || i.DeviceType == gputypes.DeviceTypeCPU, backend
}

// watch is for the browser, whose errors come late; native calls return them.
func (d *Device) watch(context.Context) func(*wgpu.ShaderModule) error {
	return func(*wgpu.ShaderModule) error { return nil }
}

func (d *Device) writeBuffer(b *wgpu.Buffer, off uint64, data []byte) error {
	return d.queue.WriteBuffer(b, off, data)
}

func (d *Device) hostError() error { return nil }
func (d *Device) hostLost() error  { return nil }
func (d *Device) hostClose()       {}
