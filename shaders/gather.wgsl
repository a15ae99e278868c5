// y[i] = table[rows[i]]; a row outside the table gives zeros. table [v, d] of
// any stored type, rows I32 [n] → y [n, d]. A table in pieces is gathered
// piece by piece: each writes only its own rows (p.row0 …), the first one the
// zeros as well. graph/op_gather.go.
//!include fold
struct P { n: u32, ldw: u32, rows: u32, row0: u32, all: u32, pad0: u32, pad1: u32, pad2: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> rows: array<i32>;
//!include weight
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let id = fold(wg, grid) * 64u + li;
  let d4 = (p.ldw + 3u) / 4u;
  let i = id / d4;
  let c4 = id % d4;
  if (i >= p.n) { return; }
  let r = rows[i];
  var v = vec4<f32>(0.0);
  if (r >= 0 && u32(r) < p.all) {
    let row = u32(r) - p.row0; // wraps far past p.rows when it lies before
    if (row >= p.rows) { return; }
    v = w4(row, c4);
  } else if (p.row0 != 0u) {
    return;
  }
  let o = i * p.ldw + 4u * c4;
//!repeat j 4
  if (4u * c4 + ${j}u < p.ldw) { y[o + ${j}u] = v[${j}]; }
//!end
}
