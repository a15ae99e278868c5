// graph.KindRope: a thread a rotated pair. The table comes from the host: WGSL
// sines may be off by 2⁻¹¹.
struct P { n: u32, cols: u32, half: u32, rows: u32, sign: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read> pos: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = element(wid, nw, lid);
  let pairs = p.cols / 2u;
  if (e >= p.n * pairs) { return; }
  let i = e / pairs;
  let j = (e % pairs) % p.half;
  let at = i * p.cols + ((e % pairs) / p.half) * 2u * p.half + j;
  let row = u32(clamp(pos[i], 0, i32(p.rows) - 1)) * 2u * p.half;
  let c = table[row + j];
  let s = table[row + p.half + j] * p.sign;
  let a = x[at];
  let b = x[at + p.half];
  y[at] = a * c - b * s;
  y[at + p.half] = b * c + a * s;
}
