// What this browser offers the page, as facts; the page's words for them are in
// ui/diagnosis.go.

const vector = 0x7b; // v128
const constant = [0x41, 0, 0xfd, 0x0f]; // i32.const 0, i8x16.splat

/** Tells whether a function of these instructions, which gives a vector, is valid here. */
function knows(...code) {
  const body = [0, ...code, 0x0b];
  return WebAssembly.validate(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, vector, 3, 2, 1, 0, 10, body.length + 2, 1, body.length, ...body));
}

const limits = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxStorageBuffersPerShaderStage', 'maxComputeWorkgroupStorageSize', 'maxComputeInvocationsPerWorkgroup'];

/** What the GPU is; why there is none, where there is none. */
async function gpu() {
  if (!navigator.gpu) return { api: false };
  try {
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) return { api: true, why: 'the browser offers no adapter' };
    const { vendor = '', architecture = '', description = '', isFallbackAdapter } = adapter.info ?? {};
    return {
      api: true,
      adapter: [vendor, architecture, description].filter(Boolean).join(' ') || 'unnamed',
      fallback: Boolean(isFallbackAdapter ?? adapter.isFallbackAdapter),
      limits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
      features: [...adapter.features].sort(),
    };
  } catch (error) {
    return { api: true, why: error.message };
  }
}

/** All of it. */
export async function look() {
  return {
    browser: navigator.userAgent,
    cores: navigator.hardwareConcurrency ?? 0,
    memory: navigator.deviceMemory ?? 0,
    secure: isSecureContext,
    isolated: globalThis.crossOriginIsolated ?? false,
    simd: knows(...constant),
    relaxed: knows(...constant, ...constant, 0xfd, 0x80, 2), // i8x16.relaxed_swizzle
    locks: Boolean(navigator.locks),
    gpu: await gpu(),
  };
}
