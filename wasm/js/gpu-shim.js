// Makes WebGPU's errors heard. The Go library that Handful draws on reports
// none of them, so this wraps requestDevice before Go starts and keeps the
// device and all that it says in globalThis.__handful.gpu (what for, see
// core/device/gpu/browser_js.go).
const handful = (globalThis.__handful ??= {});

if (globalThis.GPUAdapter) {
  const original = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (descriptor = {}) {
    const wanted = new Set(descriptor.requiredFeatures ?? []);
    for (const feature of ['subgroups', 'timestamp-query']) {
      if (this.features.has(feature)) wanted.add(feature);
    }
    const device = await original.call(this, { ...descriptor, requiredFeatures: [...wanted] });
    const info = this.info ?? {};
    const gpu = (handful.gpu = {
      device,
      info: {
        vendor: info.vendor ?? '',
        architecture: info.architecture ?? '',
        description: info.description ?? '',
        fallback: Boolean(info.isFallbackAdapter ?? this.isFallbackAdapter),
      },
      errors: [],
      lost: null,
      onlost: null,
    });
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      if (gpu.errors.length < 20) gpu.errors.push(event.error.message);
    });
    device.lost.then((why) => {
      if (why.reason === 'destroyed' && gpu.closing) return;
      gpu.lost = why.message || why.reason || 'unknown';
      gpu.onlost?.(gpu.lost);
    });
    return device;
  };
}
