package gpu

import (
	"context"
	"errors"
	"syscall/js"
	"time"

	"github.com/gogpu/gputypes"
	"github.com/gogpu/wgpu"

	"handful/core/fault"
)

// The library tells nothing of errors in a browser: bad WGSL, a bad layout or a
// lost device give no error and zeros. wasm/js/gpu-shim.js, loaded before Go,
// keeps the device and what it reports in globalThis.__handful.gpu:
//
//	device   the GPUDevice, for error scopes
//	info     {vendor, architecture, description, fallback} of its adapter
//	errors   messages of uncaptured errors, oldest first
//	lost     why the device is gone, null while it is not
//	onlost   called with that reason
//
// Without the shim everything works but the messages.
type host struct {
	waiting bool // of the native library
	shim    js.Value
	device  js.Value
	onLost  js.Func
}

// missing tells why there can be no GPU here, "" when there may be one.
func missing() string {
	nav := js.Global().Get("navigator")
	switch {
	case nav.Truthy() && nav.Get("gpu").Truthy():
		return ""
	case js.Global().Get("isSecureContext").Type() == js.TypeBoolean && !js.Global().Get("isSecureContext").Bool():
		return "the page is no secure context (open it over https or from localhost)"
	}
	if versions := js.Global().Get("process").Get("versions"); versions.Truthy() && versions.Get("node").Truthy() {
		return "Node has no WebGPU (give it some: npm install webgpu)"
	}
	return "this browser has no WebGPU (navigator.gpu is missing)"
}

func instanceDescriptor() *wgpu.InstanceDescriptor { return nil }

func (d *Device) identify(i gputypes.AdapterInfo) (name string, software bool, backend string) {
	name = i.Name
	h := js.Global().Get("__handful")
	if !h.Truthy() || !h.Get("gpu").Truthy() {
		return name, isSoftware(name), "webgpu"
	}
	d.host.shim = h.Get("gpu")
	d.host.device = d.host.shim.Get("device")
	info := d.host.shim.Get("info")
	for _, key := range []string{"description", "architecture", "vendor"} {
		if s := info.Get(key); s.Type() == js.TypeString && s.String() != "" {
			name = s.String()
			break
		}
	}
	arch := info.Get("architecture")
	software = isSoftware(name) || info.Get("fallback").Truthy() || arch.Type() == js.TypeString && isSoftware(arch.String())
	d.host.onLost = js.FuncOf(func(_ js.Value, args []js.Value) any {
		select {
		case d.lost <- fault.New(fault.DeviceLost, "gpu", "the device is gone: %s", args[0].String()).Next("the work can go on from its last snapshot"):
		default:
		}
		return nil
	})
	d.host.shim.Set("onlost", d.host.onLost)
	return name, software, "webgpu"
}

// total is what a page may have. WebGPU does not tell; most devices share the
// machine's memory, of which a browser tells no more than that it has so much or
// more: three quarters of it where it is less than 8 GiB.
func total() int64 {
	gib := js.Global().Get("navigator").Get("deviceMemory")
	if gib.Type() != js.TypeNumber || gib.Float() >= 8 {
		return 0
	}
	return int64(gib.Float() * .75 * (1 << 30))
}

// watch collects the errors of what is made until the returned function is
// called, with the compiler's messages.
func (d *Device) watch(ctx context.Context) func(*wgpu.ShaderModule) error {
	if !d.host.device.Truthy() {
		return func(*wgpu.ShaderModule) error { return nil }
	}
	d.host.device.Call("pushErrorScope", "validation")
	return func(*wgpu.ShaderModule) error {
		e, err := await(ctx, d.host.device.Call("popErrorScope"))
		if err != nil {
			return err
		}
		if e.Truthy() {
			return errors.New(e.Get("message").String())
		}
		return nil
	}
}

// await blocks until a promise settles. It must not run inside a js.FuncOf.
func await(ctx context.Context, promise js.Value) (js.Value, error) {
	type result struct {
		v   js.Value
		err error
	}
	ch := make(chan result, 1)
	arg := func(a []js.Value) js.Value {
		if len(a) == 0 {
			return js.Undefined()
		}
		return a[0]
	}
	ok := js.FuncOf(func(_ js.Value, a []js.Value) any { ch <- result{v: arg(a)}; return nil })
	bad := js.FuncOf(func(_ js.Value, a []js.Value) any { ch <- result{err: js.Error{Value: arg(a)}}; return nil })
	promise.Call("then", ok, bad)
	select {
	case r := <-ch:
		ok.Release()
		bad.Release()
		return r.v, r.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err() // the callbacks stay for the promise to find
	}
}

// mapRead waits for the queue and maps b. A device that is lost rejects the
// mapping before it tells of its loss, which is then waited for.
func (d *Device) mapRead(ctx context.Context, b *wgpu.Buffer, n uint64) error {
	err := b.Map(ctx, wgpu.MapModeRead, 0, n)
	if err != nil && ctx.Err() == nil && d.host.device.Truthy() {
		short, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		_, _ = await(short, d.host.device.Get("lost")) // the shim has kept the reason
	}
	return err
}

func (d *Device) writeBuffer(b *wgpu.Buffer, off uint64, data []byte) error {
	return d.queue.WriteBuffer(b, off, data)
}

// settle is for the native library.
func (d *Device) settle() {}

// hostError gives the first uncaptured error since the last call.
func (d *Device) hostError() error {
	if !d.host.shim.Truthy() {
		return nil
	}
	if err := d.hostLost(); err != nil {
		return err
	}
	list := d.host.shim.Get("errors")
	if list.Length() == 0 {
		return nil
	}
	msg := list.Index(0).String()
	list.Set("length", 0)
	return fault.New(fault.Bug, "gpu", "%s", msg)
}

func (d *Device) hostLost() error {
	if !d.host.shim.Truthy() || !d.host.shim.Get("lost").Truthy() {
		return nil
	}
	return fault.New(fault.DeviceLost, "gpu", "the device is gone: %s", d.host.shim.Get("lost").String()).Next("open the model again")
}

// hostClose says that the end is wanted, so that it is no loss.
func (d *Device) hostClose() {
	if d.host.shim.Truthy() {
		d.host.shim.Set("closing", true)
		d.host.shim.Set("onlost", js.Null())
		d.host.onLost.Release()
	}
}
