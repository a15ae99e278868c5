// graph.KindDot and KindGlobalNorm: a workgroup sums p.step elements of a·b
// (DOT) or x² (SQUARES) into a place of its own, from p.at; then one workgroup
// sums all places (ADDUP) and takes the root (ROOT).
struct P { n: u32, at: u32, step: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
//!if DOT
@group(0) @binding(1) var<storage, read> b: array<f32>;
//!end
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
var<workgroup> part: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let group = wid.y * nw.x + wid.x;
  if (group * p.step >= p.n) { return; }
  let end = min(p.n, (group + 1u) * p.step);
  var s = 0.0;
  for (var i = group * p.step + lid; i < end; i += 64u) {
//!if DOT
    s = fma(a[i], b[i], s);
//!end
//!if SQUARES
    s = fma(a[i], a[i], s);
//!end
//!if ADDUP
    s += a[i];
//!end
  }
  part[lid] = s;
  workgroupBarrier();
  if (lid == 0u) {
    s = 0.0;
    for (var i = 0u; i < 64u; i++) { s += part[i]; }
//!if ROOT
    s = sqrt(s);
//!end
    y[p.at + group] = s;
  }
}
