// graph.KindGroupSum: a thread a group, over values lo … hi−1 in order (ADD:
// onto what is there). KindGroupSumGrad (GRAD): a thread a value.
struct P { groups: u32, n: u32, lo: u32, hi: u32 }
//!if GRAD
@group(0) @binding(0) var<storage, read> dy: array<f32>;
//!end
//!if !GRAD
@group(0) @binding(0) var<storage, read> x: array<f32>;
//!end
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> group: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = element(wid, nw, lid);
//!if GRAD
  if (e >= p.n) { return; }
  let to = group[e];
  var d = 0.0;
  if (to >= 0 && u32(to) < p.groups) { d = w[e] * dy[to]; }
  y[e] = d;
//!end
//!if !GRAD
  if (e >= p.groups) { return; }
  var s = 0.0;
//!if ADD
  s = y[e];
//!end
  for (var i = p.lo; i < p.hi; i++) {
    if (group[i] == i32(e)) { s = fma(w[i], x[i], s); }
  }
  y[e] = s;
//!end
}
