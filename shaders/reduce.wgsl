// graph.KindDot, and the two halves of KindGlobalNorm: Σ x² of one tensor into
// a place of its own, then the root of the sum of all places. One workgroup.
struct P { n: u32, at: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
//!if DOT
@group(0) @binding(1) var<storage, read> b: array<f32>;
//!end
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
var<workgroup> part: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lid: u32) {
  var s = 0.0;
  for (var i = lid; i < p.n; i += 64u) {
//!if DOT
    s = fma(a[i], b[i], s);
//!end
//!if SQUARES
    s = fma(a[i], a[i], s);
//!end
//!if ROOT
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
    y[p.at] = s;
  }
}
