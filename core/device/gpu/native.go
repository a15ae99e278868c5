//go:build !js

package gpu

import (
	"context"
	"errors"

	"github.com/gogpu/gputypes"
	"github.com/gogpu/wgpu"
)

// host remembers whether writes wait for a submit. A buffer that is released
// meanwhile takes the native library down with it.
type host struct{ waiting bool }

// settle submits waiting writes and waits for them.
func (d *Device) settle() {
	if !d.host.waiting {
		return
	}
	d.host.waiting = false
	const n = 16
	src, err := d.dev.CreateBuffer(&wgpu.BufferDescriptor{Size: n, Usage: storage})
	if err != nil {
		return // nothing can be made any more, and nothing will be run
	}
	defer src.Release()
	dst, err := d.dev.CreateBuffer(&wgpu.BufferDescriptor{Size: n, Usage: wgpu.BufferUsageCopyDst | wgpu.BufferUsageMapRead})
	if err != nil {
		return
	}
	defer dst.Release()
	_ = d.read(context.Background(), src, dst, make([]byte, n)) // a device that can't be read has lost its writes too
}

// mapRead waits for the queue, then maps b. The library's Buffer.Map waits on a
// goroutine that may outlive the call, and then takes the next map for done
// before its copy is.
func (d *Device) mapRead(ctx context.Context, b *wgpu.Buffer, n uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, err := b.MapAsync(wgpu.MapModeRead, 0, n)
	if err != nil {
		return err
	}
	defer m.Release()
	d.dev.Poll(wgpu.PollWait)
	done, err := m.Status()
	if err == nil && !done {
		err = errors.New("the device is idle and its buffer is not mapped")
	}
	return err
}

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
	d.host.waiting = true
	return d.queue.WriteBuffer(b, off, data)
}

func (d *Device) hostError() error { return nil }
func (d *Device) hostLost() error  { return nil }
func (d *Device) hostClose()       {}

// total is unknown: the driver tells when there is no room.
func total() int64 { return 0 }
