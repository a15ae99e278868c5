// graph.KindRMSNorm and KindRMSNormGrad, row by row. KindRMSNormGradW in three
// steps: RHO ρ of each row, COLUMNS the sum over p.step rows of dy·x·ρ, a
// thread a column and part, and FOLD the sum of the parts. No loop counts all
// rows: some drivers end a loop after 65,535 rounds.
struct P { n: u32, d: u32, eps: f32, step: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
//!if PAIR
@group(0) @binding(1) var<storage, read> g: array<f32>;
//!end
//!if THREE
@group(0) @binding(2) var<storage, read> z: array<f32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _rows

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
//!if COLUMNS
  // g is dy, z is ρ
  let id = element(wid, nw, lid);
  let first = id / p.d * p.step;
  if (first >= p.n) { return; }
  let j = id % p.d;
  var s = 0.0;
  for (var i = first; i < min(first + p.step, p.n); i++) { s = fma(g[i * p.d + j] * x[i * p.d + j], z[i], s); }
  y[id] = s;
//!end
//!if FOLD
  // x are the parts [n, d]
  let j = element(wid, nw, lid);
  if (j >= p.d) { return; }
  var s = 0.0;
  for (var i = 0u; i < p.n; i++) { s += x[i * p.d + j]; }
  y[j] = s;
//!end
//!if ROWS
  let row = rowOf(wid, nw, lid);
  if (row >= p.n) { return; }
  let lane = laneOf(lid);
  let o = row * p.d;
  var a = 0.0;
  for (var j = lane; j < p.d; j += LANES) { a = fma(x[o + j], x[o + j], a); }
  let rho = inverseSqrt(total(a, lane) / f32(p.d) + p.eps);
//!if RHO
  if (lane == 0u) { y[row] = rho; }
//!end
//!if FORWARD
  for (var j = lane; j < p.d; j += LANES) { y[o + j] = g[j] * (x[o + j] * rho); }
//!end
//!if GRAD
  // z is dy
  var b = 0.0;
  for (var j = lane; j < p.d; j += LANES) { b = fma(x[o + j] * g[j], z[o + j], b); }
  b = total(b, lane) * rho * rho * rho / f32(p.d);
  for (var j = lane; j < p.d; j += LANES) { y[o + j] = rho * g[j] * z[o + j] - b * x[o + j]; }
//!end
//!end
}
