// graph.KindRMSNorm and KindRMSNormGrad: a workgroup a row, its sums in
// workgroup memory. KindRMSNormGradW: a thread a column.
struct P { n: u32, d: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> g: array<f32>;
//!if GRAD
@group(0) @binding(2) var<storage, read> dy: array<f32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!if !GRADW
var<workgroup> s1: array<f32, 64>;
var<workgroup> s2: array<f32, 64>;
//!end
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
//!if GRADW
  // g is dy; sums over rows of dy·x·ρ
  let j = element(wid, nw, lid);
  if (j >= p.d) { return; }
  var s = 0.0;
  for (var i = 0u; i < p.n; i++) {
    var q = 0.0;
    for (var k = 0u; k < p.d; k++) { q = fma(x[i * p.d + k], x[i * p.d + k], q); }
    s = fma(g[i * p.d + j] * x[i * p.d + j], inverseSqrt(q / f32(p.d) + p.eps), s);
  }
  y[j] = s;
//!end
//!if !GRADW
  let row = wid.y * nw.x + wid.x;
  let o = min(row, p.n - 1u) * p.d;
  var a = 0.0;
  var b = 0.0;
  for (var j = lid; j < p.d; j += 64u) {
    a = fma(x[o + j], x[o + j], a);
//!if GRAD
    b = fma(x[o + j] * g[j], dy[o + j], b);
//!end
  }
  s1[lid] = a;
  s2[lid] = b;
  workgroupBarrier();
  a = 0.0;
  b = 0.0;
  for (var j = 0u; j < 64u; j++) {
    a += s1[j];
    b += s2[j];
  }
  let rho = inverseSqrt(a / f32(p.d) + p.eps);
  if (row >= p.n) { return; }
  for (var j = lid; j < p.d; j += 64u) {
//!if !GRAD
    y[o + j] = g[j] * (x[o + j] * rho);
//!end
//!if GRAD
    y[o + j] = rho * g[j] * dy[o + j] - rho * rho * rho * b / f32(p.d) * x[o + j];
//!end
  }
//!end
}
