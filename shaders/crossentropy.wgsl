// graph.KindCrossEntropy and its gradient: a workgroup a row. 64 threads find
// the row's maximum and Σ exp in strides; a label below 0 gives zeros.
struct P { n: u32, v: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> label: array<i32>;
//!if GRAD
@group(0) @binding(2) var<storage, read> dy: array<f32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
var<workgroup> s1: array<f32, 64>;
var<workgroup> s2: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = wid.y * nw.x + wid.x;
  let r = min(row, p.n - 1u);
  let o = r * p.v;
  let l = label[r];
  let real = l >= 0 && u32(l) < p.v;
  var most = -3.0e38;
  for (var j = lid; j < p.v; j += 64u) { most = max(most, x[o + j]); }
  s1[lid] = most;
  workgroupBarrier();
  for (var j = 0u; j < 64u; j++) { most = max(most, s1[j]); }
  var sum = 0.0;
  for (var j = lid; j < p.v; j += 64u) { sum += exp(x[o + j] - most); }
  s2[lid] = sum;
  workgroupBarrier();
  sum = 0.0;
  for (var j = 0u; j < 64u; j++) { sum += s2[j]; }
  if (row >= p.n) { return; }
//!if !GRAD
  if (lid == 0u) {
    var nll = 0.0;
    if (real) { nll = log(sum) + (most - x[o + u32(l)]); }
    y[row] = nll;
  }
//!end
//!if GRAD
  let c = select(0.0, dy[r] / sum, real);
  for (var j = lid; j < p.v; j += 64u) {
    var g = 0.0;
    if (real) {
      g = exp(x[o + j] - most) * c;
      if (j == u32(l)) { g -= dy[r]; }
    }
    y[o + j] = g;
  }
//!end
}
