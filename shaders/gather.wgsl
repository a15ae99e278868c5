// graph.KindGather y[i] = table[rows[i]] for the table's rows lo..hi−1 (one
// piece of it, or all); the first piece writes zeros for rows outside the
// whole table. One thread an element.
struct P { n: u32, d: u32, lo: i32, hi: i32, all: i32, first: u32 }
@group(0) @binding(0) var<storage, read> w: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
//!include _weight
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = element(wid, nw, lid);
  if (e >= p.n * p.d) { return; }
  let r = rows[e / p.d];
  if (r >= p.lo && r < p.hi) {
    y[e] = wload(u32(r - p.lo) * p.d + e % p.d);
  } else if (p.first == 1u && (r < 0 || r >= p.all)) {
    y[e] = 0.0;
  }
}
