// graph.KindScaleCols y = x ⊙ s, a thread an element (SCALE), and the gradient
// of s in two steps: COLUMNS the sum over p.step rows of dy·x, a thread a
// column and part, and FOLD the sum of the parts. No loop counts all rows: some
// drivers end a loop after 65,535 rounds.
struct P { n: u32, d: u32, step: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
//!if !FOLD
@group(0) @binding(1) var<storage, read> s: array<f32>;
//!end
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let id = element(wid, nw, lid);
//!if SCALE
  if (id < p.n * p.d) { y[id] = x[id] * s[id % p.d]; }
//!end
//!if COLUMNS
  // s is dy
  let first = id / p.d * p.step;
  if (first >= p.n) { return; }
  let j = id % p.d;
  var sum = 0.0;
  for (var i = first; i < min(first + p.step, p.n); i++) { sum = fma(s[i * p.d + j], x[i * p.d + j], sum); }
  y[id] = sum;
//!end
//!if FOLD
  // x are the parts [n, d]
  if (id >= p.d) { return; }
  var sum = 0.0;
  for (var i = 0u; i < p.n; i++) { sum += x[i * p.d + id]; }
  y[id] = sum;
//!end
}
