// graph.KindCrossEntropy and its gradient, row by row: the maximum, then Σ exp.
// A label below 0 gives zeros. SMOOTH: with label smoothing.
struct P { n: u32, v: u32, eps: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> label: array<i32>;
//!if GRAD
@group(0) @binding(2) var<storage, read> dy: array<f32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _rows

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = rowOf(wid, nw, lid);
  if (row >= p.n) { return; }
  let lane = laneOf(lid);
  let o = row * p.v;
  let l = label[row];
  let real = l >= 0 && u32(l) < p.v;
  var most = -3.0e38;
  for (var j = lane; j < p.v; j += LANES) { most = max(most, x[o + j]); }
  most = largest(most, lane);
  var sum = 0.0;
  for (var j = lane; j < p.v; j += LANES) { sum += exp(x[o + j] - most); }
  sum = total(sum, lane);
//!if !GRAD
  var shift = 0.0;
//!if SMOOTH
  for (var j = lane; j < p.v; j += LANES) { shift += x[o + j] - most; }
  shift = total(shift, lane) / f32(p.v) * p.eps;
//!end
  if (lane == 0u) {
    var nll = 0.0;
    if (real) { nll = log(sum) + (1.0 - p.eps) * (most - x[o + u32(l)]) - shift; }
    y[row] = nll;
  }
//!end
//!if GRAD
  let c = select(0.0, dy[row] / sum, real);
  for (var j = lane; j < p.v; j += LANES) {
    var g = 0.0;
    if (real) {
      g = exp(x[o + j] - most) * c;
//!if SMOOTH
      g -= p.eps / f32(p.v) * dy[row];
//!end
      if (j == u32(l)) { g -= (1.0 - p.eps) * dy[row]; }
    }
    y[o + j] = g;
  }
//!end
}
