// A kernel written by hand, as one would without a library: tiles in workgroup
// memory, which is what real GPUs want, or 8 × 8 outputs in each thread's
// registers, which is what an adapter that computes on the CPU wants.
import { matrices, shape, timed, turned } from './matrices.mjs';

const { rows, inner, outer } = shape;
const head = /* wgsl */ `
const M = ${rows}u; const K = ${inner}u; const N4 = ${outer / 4}u;
@group(0) @binding(1) var<storage, read> b: array<vec4f>; // [K, N]
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>; // [M, N]
`;

const kernels = {
  // 64 × 64 outputs a workgroup of 16 × 16, 4 × 4 a thread, in steps of 16 of K.
  tiled: {
    groups: [outer / 64, rows / 64],
    code: /* wgsl */ `${head}
@group(0) @binding(0) var<storage, read> a: array<f32>;
var<workgroup> ta: array<array<f32, 64>, 16>;
var<workgroup> tb: array<array<vec4f, 16>, 16>;
@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_id) l: vec3u) {
  var sum = array<vec4f, 4>();
  for (var k = 0u; k < K; k += 16u) {
    for (var i = 0u; i < 4u; i++) { ta[l.x][l.y * 4u + i] = a[(g.y * 64u + l.y * 4u + i) * K + k + l.x]; }
    tb[l.y][l.x] = b[(k + l.y) * N4 + g.x * 16u + l.x];
    workgroupBarrier();
    for (var j = 0u; j < 16u; j++) {
      let v = tb[j][l.x];
      for (var i = 0u; i < 4u; i++) { sum[i] = fma(vec4f(ta[j][l.y * 4u + i]), v, sum[i]); }
    }
    workgroupBarrier();
  }
  for (var i = 0u; i < 4u; i++) { c[(g.y * 64u + l.y * 4u + i) * N4 + g.x * 16u + l.x] = sum[i]; }
}`,
  },
  registers: {
    groups: [outer / 64, rows / 64],
    code: /* wgsl */ `${head}
@group(0) @binding(0) var<storage, read> a: array<vec4f>; // [M, K]
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) g: vec3u) {
  ${each(8, (i) => `var l${i} = vec4f(); var r${i} = vec4f();`)}
  for (var k = 0u; k < K / 4u; k++) {
    ${each(8, (i) => `let a${i} = a[(g.y * 8u + ${i}u) * (K / 4u) + k];`)}
    ${each(4, (j) => `{
      let at = (k * 4u + ${j}u) * N4 + g.x * 2u;
      let u = b[at]; let v = b[at + 1u];
      ${each(8, (i) => `l${i} = fma(vec4f(a${i}[${j}]), u, l${i}); r${i} = fma(vec4f(a${i}[${j}]), v, r${i});`)}
    }`)}
  }
  ${each(8, (i) => `c[(g.y * 8u + ${i}u) * N4 + g.x * 2u] = l${i}; c[(g.y * 8u + ${i}u) * N4 + g.x * 2u + 1u] = r${i};`)}
}`,
  },
};

function each(n, line) {
  return Array.from({ length: n }, (_, i) => line(i)).join('\n');
}

export async function open({ kernel, products }) {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) throw new Error('no WebGPU adapter here');
  const device = await adapter.requestDevice();
  const buffer = (size, usage) => device.createBuffer({ size, usage: usage | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const filled = (data) => {
    const b = buffer(data.byteLength, GPUBufferUsage.STORAGE);
    device.queue.writeBuffer(b, 0, data);
    return b;
  };
  const { x, w } = matrices();
  const bytes = rows * outer * 4;
  const out = buffer(bytes, GPUBufferUsage.STORAGE);
  const { groups, code } = kernels[kernel];
  const module = device.createShaderModule({ code });
  const wrong = (await module.getCompilationInfo()).messages.find((m) => m.type === 'error');
  if (wrong) throw new Error(`${wrong.message} in line ${wrong.lineNum}`);
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  const entries = [filled(x), filled(turned(w)), out].map((b, binding) => ({ binding, resource: { buffer: b } }));
  const bound = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const once = () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bound);
    pass.dispatchWorkgroups(...groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
  };
  const read = async () => {
    const landing = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(out, 0, landing, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await landing.mapAsync(GPUMapMode.READ);
    const values = new Float32Array(landing.getMappedRange().slice(0));
    landing.destroy();
    return values;
  };
  const sample = timed(products, once, read);
  const { last } = await sample(); // compiles
  return { about: { check: last, device: adapter.info.description || adapter.info.vendor }, sample };
}
