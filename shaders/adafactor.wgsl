// graph.KindAdafactor, last part: SUMS, a workgroup sums p² and u² over p.step
// elements of its own; UPDATE, a thread an element. A vector (no FACTORED) has
// v in row. A zero gradient is first in each product, so that it stays zero.
struct P { n: u32, rows: u32, cols: u32, step: u32, parts: u32 }
//!if SUMS
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(7) var<storage, read_write> sums: array<vec2<f32>>;
//!end
//!if UPDATE
@group(0) @binding(0) var<storage, read_write> w: array<f32>;
@group(0) @binding(7) var<storage, read> sums: array<vec2<f32>>;
//!end
@group(0) @binding(1) var<storage, read> row: array<f32>;
//!if FACTORED
@group(0) @binding(2) var<storage, read> col: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>; // of row, a block
//!end
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read> norm: array<f32>;
@group(0) @binding(6) var<storage, read> h: array<f32>;
@group(0) @binding(8) var<uniform> p: P;
//!include _grid
//!include _clip

fn update(i: u32) -> f32 {
  let r = i / p.cols;
  let u = g[i] * clip() / sqrt(row[r]);
//!if FACTORED
  let b = r / p.rows;
  return u * sqrt(mean[b]) / sqrt(col[b * p.cols + i % p.cols]);
//!end
//!if !FACTORED
  return u;
//!end
}
//!if SUMS
var<workgroup> part: array<vec2<f32>, 64>;
//!end

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
//!if SUMS
  let group = wid.y * nw.x + wid.x;
  let end = min(p.n, (group + 1u) * p.step);
  var s = vec2<f32>(0.0, 0.0);
  for (var i = group * p.step + lid; i < end; i += 64u) {
    let u = update(i);
    s += vec2<f32>(w[i] * w[i], u * u);
  }
  part[lid] = s;
  workgroupBarrier();
  if (lid == 0u) {
    s = vec2<f32>(0.0, 0.0);
    for (var i = 0u; i < 64u; i++) { s += part[i]; }
    sums[group] = s;
  }
//!end
//!if UPDATE
  let i = element(wid, nw, lid);
  if (i >= p.n || !finite()) { return; }
  var s = vec2<f32>(0.0, 0.0);
  for (var j = 0u; j < p.parts; j++) { s += sums[j]; }
  let rms = sqrt(s / f32(p.n));
  var lr = h[0];
  if (h[3] > 0.0) { lr *= max(h[7], rms.x); }
  w[i] = w[i] * (1.0 - h[1] * lr) - lr / max(1.0, rms.y / h[5]) * update(i);
//!end
}
