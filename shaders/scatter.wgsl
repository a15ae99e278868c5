// graph.KindScatter y[v] = Σ_{rows[i]=v} x[i]: ZERO, a thread an element, then
// SUM, a thread a column over rows lo … hi−1 in order. KindStoreRows
// cache[rows[i]] = x[i] (STORE), a thread an element.
struct P { n: u32, d: u32, v: u32, lo: u32, hi: u32 }
//!if READS
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<i32>;
//!end
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = element(wid, nw, lid);
//!if ZERO
  if (e < p.v * p.d) { y[e] = 0.0; }
//!end
//!if STORE
  if (e >= p.n * p.d) { return; }
  let r = rows[e / p.d];
  if (r >= 0 && u32(r) < p.v) { y[u32(r) * p.d + e % p.d] = x[e]; }
//!end
//!if SUM
  if (e >= p.d) { return; }
  for (var i = p.lo; i < p.hi; i++) {
    let r = rows[i];
    if (r >= 0 && u32(r) < p.v) { y[u32(r) * p.d + e] += x[i * p.d + e]; }
  }
//!end
}
