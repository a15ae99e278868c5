// graph.KindAdamW, a thread an element. Bias corrections come from the host.
// Finite is told by exponent bits: WGSL may assume that NaN does not happen.
struct P { n: u32 }
@group(0) @binding(0) var<storage, read_write> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<storage, read> g: array<f32>;
@group(0) @binding(4) var<storage, read> norm: array<f32>;
@group(0) @binding(5) var<storage, read> h: array<f32>;
@group(0) @binding(6) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let i = element(wid, nw, lid);
  if (i >= p.n || (bitcast<u32>(norm[0]) & 0x7f800000u) == 0x7f800000u) { return; }
  var c = 1.0;
  if (h[7] > 0.0) { c = min(1.0, h[7] / (norm[0] + 1e-6)); }
  let x = g[i] * c;
  let m1 = m[i] + (1.0 - h[2]) * (x - m[i]);
  let v1 = h[3] * v[i] + (1.0 - h[3]) * x * x;
  m[i] = m1;
  v[i] = v1;
  w[i] = w[i] * (1.0 - h[0] * h[1]) - h[0] / h[5] * m1 / (sqrt(v1) / h[6] + h[4]);
}
