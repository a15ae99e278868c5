// Package gpu runs graphs as WGSL compute shaders through gogpu/wgpu: WebGPU in
// the browser, Vulkan, Metal or DirectX natively.
//
// Compile makes every pipeline, buffer and bind group; a run is a few small
// writes and a replay of the list of dispatches in one submit. Nothing is
// created in a run but the encoder, its pass and its command buffer.
package gpu

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gogpu/gputypes"
	"github.com/gogpu/wgpu"

	"handful/core/device"
	"handful/core/fault"
	"handful/core/tensor"
)

func init() { device.Register("gpu", open) }

// Families of product kernels: register-only for adapters that compute on a
// CPU, tiled for real GPUs.
const (
	familyRegister = "register"
	familyTiled    = "tiled"
)

// Device is an open GPU.
type Device struct {
	info  device.Info
	inst  *wgpu.Instance
	adpt  *wgpu.Adapter
	dev   *wgpu.Device
	queue *wgpu.Queue

	pipes   map[string]*pipeline
	vars    map[*tensor.Var]*value
	lost    chan error
	host    host
	live    Counts
	maps    int           // buffers mapped to be read
	maxBind int           // bytes of a weight in one piece
	most    int           // bytes that the adapter binds
	slice   time.Duration // of one submit; see longestSubmit
}

// Counts are the GPU objects alive, and how many were ever made: what tests
// look at for leaks and for objects made in a step.
type Counts struct{ Buffers, BindGroups, Pipelines, Made int }

// Counts tells how many objects the device holds and has made.
func (d *Device) Counts() Counts { return d.live }

func noGPU(format string, args ...any) error {
	return fault.New(fault.NoGPU, "gpu", format, args...).Next("use --device cpu, or see chrome://gpu or vulkaninfo for what the system offers")
}

func open(ctx context.Context, o device.Options) (_ device.Device, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = noGPU("the graphics library failed: %v", r)
		}
	}()
	if o.Family != "" && o.Family != familyRegister && o.Family != familyTiled {
		return nil, fault.Inputf("gpu", "kernel family %q, want %s or %s", o.Family, familyRegister, familyTiled).Next("leave the family out to have it measured")
	}
	if why := missing(); why != "" {
		return nil, noGPU("%s", why)
	}
	inst, err := wgpu.CreateInstance(instanceDescriptor())
	if err != nil {
		return nil, noGPU("no graphics instance: %v", err)
	}
	adapter, err := inst.RequestAdapter(&wgpu.RequestAdapterOptions{PowerPreference: gputypes.PowerPreferenceHighPerformance})
	if err != nil || adapter == nil {
		return nil, noGPU("no adapter (%v)", err)
	}
	limits := adapter.Limits()
	dev, err := adapter.RequestDevice(&wgpu.DeviceDescriptor{RequiredLimits: limits})
	if err != nil || dev == nil {
		return nil, noGPU("the adapter gives no device (%v)", err)
	}
	d := &Device{inst: inst, adpt: adapter, dev: dev, queue: dev.Queue(), pipes: map[string]*pipeline{}, vars: map[*tensor.Var]*value{}, lost: make(chan error, 1), slice: longestSubmit}
	d.maxBind = int(min(limits.MaxStorageBufferBindingSize, limits.MaxBufferSize, 1<<31-4))
	if d.maxBind <= 0 {
		d.maxBind = 128 << 20
	}
	d.most = d.maxBind
	if o.MaxBinding > 0 {
		d.maxBind = min(d.maxBind, o.MaxBinding)
	}
	name, software, backend := d.identify(adapter.Info())
	if software && backend == "software" {
		d.Close()
		return nil, noGPU("only the graphics library's own software adapter, whose results are wrong")
	}
	d.info = device.Info{Kind: "gpu", Name: name, Backend: backend, Software: software, MaxBinding: d.maxBind, Memory: o.Memory, Total: total(), Family: o.Family}
	if d.info.Family == "" {
		if d.info.Family, err = d.measure(ctx); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// software tells adapters that compute on a CPU by their names.
func isSoftware(name string) bool {
	n := strings.ToLower(name)
	for _, s := range []string{"swiftshader", "lavapipe", "llvmpipe", "software", "basic render"} {
		if strings.Contains(n, s) {
			return true
		}
	}
	return false
}

func (d *Device) Info() device.Info  { return d.info }
func (d *Device) Lost() <-chan error { return d.lost }

// Held is how many bytes a variable takes: as the shaders read it.
func (d *Device) Held(v *tensor.Var) int64 {
	if len(v.Shape) != 2 {
		return int64(v.Bytes())
	}
	return int64(v.Shape[0]) * int64(packedRow(v.DType, v.Shape[1]))
}

// Limit sets the budget of a step.
func (d *Device) Limit(step int64) { d.info.Memory = step }

// Close releases everything.
func (d *Device) Close() error {
	for v := range d.vars {
		d.Free(v)
	}
	for _, p := range d.pipes {
		p.release()
		d.live.Pipelines--
	}
	d.pipes = nil
	d.hostClose()
	d.dev.Release()
	d.adpt.Release()
	d.inst.Release()
	return nil
}

// pipeline is a compiled kernel: storage bindings at 0.., a uniform last.
type pipeline struct {
	name   string
	module *wgpu.ShaderModule
	layout *wgpu.BindGroupLayout
	pl     *wgpu.PipelineLayout
	pipe   *wgpu.ComputePipeline
}

func (p *pipeline) release() {
	p.pipe.Release()
	p.pl.Release()
	p.layout.Release()
	p.module.Release()
}

// pipeline compiles WGSL once per source. kinds names the binding of each
// index: r read, w read-write, u uniform; '-' is not there.
func (d *Device) pipeline(ctx context.Context, name, source, kinds string) (*pipeline, error) {
	if p := d.pipes[source]; p != nil {
		return p, nil
	}
	var entries []wgpu.BindGroupLayoutEntry
	for i, k := range kinds {
		t := gputypes.BufferBindingTypeReadOnlyStorage
		switch k {
		case '-':
			continue
		case 'w':
			t = gputypes.BufferBindingTypeStorage
		case 'u':
			t = gputypes.BufferBindingTypeUniform
		}
		entries = append(entries, wgpu.BindGroupLayoutEntry{Binding: uint32(i), Visibility: wgpu.ShaderStageCompute, Buffer: &gputypes.BufferBindingLayout{Type: t}})
	}
	p := &pipeline{name: name}
	check := d.watch(ctx)
	var err error
	if p.module, err = d.dev.CreateShaderModule(&wgpu.ShaderModuleDescriptor{Label: name, WGSL: source}); err == nil {
		if p.layout, err = d.dev.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Label: name, Entries: entries}); err == nil {
			if p.pl, err = d.dev.CreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{Label: name, BindGroupLayouts: []*wgpu.BindGroupLayout{p.layout}}); err == nil {
				p.pipe, err = d.dev.CreateComputePipeline(&wgpu.ComputePipelineDescriptor{Label: name, Layout: p.pl, Module: p.module, EntryPoint: "main"})
			}
		}
	}
	if err == nil {
		err = check(p.module)
	}
	if err != nil {
		return nil, fault.New(fault.Bug, "gpu", "shader %s: %v", name, err)
	}
	d.pipes[source] = p
	d.live.Pipelines++
	d.live.Made++
	return p, nil
}

const storage = wgpu.BufferUsageStorage | wgpu.BufferUsageCopyDst | wgpu.BufferUsageCopySrc

// buffer makes a buffer of at least n bytes.
func (d *Device) buffer(what string, n int, usage gputypes.BufferUsage) (*wgpu.Buffer, error) {
	n = max(16, (n+15)/16*16)
	if usage&wgpu.BufferUsageStorage != 0 && n > d.most {
		return nil, fault.New(fault.Memory, "gpu", "%s needs %d MB in one piece, the adapter gives %d", what, n>>20, d.most>>20).
			Next("take a smaller batch or shorter rows")
	}
	b, err := d.dev.CreateBuffer(&wgpu.BufferDescriptor{Label: what, Size: uint64(n), Usage: usage})
	if err != nil || b == nil {
		return nil, fault.New(fault.Memory, "gpu", "no %d MB for %s (%v)", n>>20, what, err).Next("take a smaller batch or shorter rows, or close other tabs")
	}
	d.live.Buffers++
	d.live.Made++
	return b, nil
}

func (d *Device) drop(b *wgpu.Buffer) {
	if b != nil {
		d.settle()
		b.Release()
		d.live.Buffers--
	}
}

// read copies a buffer's first bytes through a mapped one.
func (d *Device) read(ctx context.Context, b, staging *wgpu.Buffer, dst []byte) error {
	return d.readAll(ctx, []*wgpu.Buffer{b}, len(dst), staging, dst)
}

// readAll copies the first each bytes, a multiple of 4 where there are several,
// of all bs through one mapped buffer: the one place that waits.
func (d *Device) readAll(ctx context.Context, bs []*wgpu.Buffer, each int, staging *wgpu.Buffer, dst []byte) error {
	n := uint64((len(dst) + 3) / 4 * 4)
	d.maps++
	e, err := d.dev.CreateCommandEncoder(nil)
	if err != nil {
		return d.fail("read", err)
	}
	for i, b := range bs {
		e.CopyBufferToBuffer(b, 0, staging, uint64(i*each), uint64((each+3)/4*4))
	}
	cb, err := e.Finish()
	if err != nil {
		return d.fail("read", err)
	}
	if _, err := d.queue.Submit(cb); err != nil {
		return d.fail("read", err)
	}
	if err := d.mapRead(ctx, staging, n); err != nil {
		_ = staging.Unmap() // a map that is given up would keep the next one out
		return d.fail("read", err)
	}
	r, err := staging.MappedRange(0, n)
	if err != nil {
		return d.fail("read", err)
	}
	d.host.waiting = false
	copy(dst, r.Bytes())
	return d.fail("read", staging.Unmap())
}

// fail turns a library error into a fault: a cancelled context stays one, a
// lost device is said to be lost.
func (d *Device) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	if l := d.hostLost(); l != nil {
		return l
	}
	f := fault.From("gpu", fmt.Errorf("%s: %w", op, err))
	if f.Kind == fault.Bug && strings.Contains(strings.ToLower(err.Error()), "lost") {
		f.Kind = fault.DeviceLost
	}
	return f
}
