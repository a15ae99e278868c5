// C = A·B for real GPUs: a workgroup of T/4 × T/4 threads makes a T × T tile,
// 4 × 4 outputs a thread, from slices of 32 along k in workgroup memory (a
// slice is one block of a quantised weight; T = 64 takes 16 KiB, all that
// WebGPU promises). Forms, types, epilogues: lib/blocks.wgsl, weight.wgsl,
// epilogue.wgsl.
//!include fold
//!include blocks
//!include epilogue

const SIDE = ${T}u / 4u;
var<workgroup> ta: array<vec4<f32>, ${T} * 8>; // [k][row4]
var<workgroup> tb: array<vec4<f32>, ${T} * 8>; // [k][col4]

@compute @workgroup_size(${WG})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let wide = (p.n + ${T}u - 1u) / ${T}u;
  let id = fold(wg, grid);
  if (id >= wide * ((p.m + ${T}u - 1u) / ${T}u)) { return; }
  let row4 = id / wide * SIDE;
  let col4 = id % wide * SIDE;
  let ty = li / SIDE;
  let tx = li % SIDE;
//!repeat i 4
  var c${i} = vec4<f32>(0.0);
//!end
  let steps = (p.k + 31u) / 32u;
  for (var step = 0u; step < steps; step++) {
    // A slice holds 8·SIDE blocks of 4 × 4 on each side.
    for (var b = li; b < 16u * SIDE; b += ${WG}u) {
      let side = b / (8u * SIDE);
      let k4 = b % (8u * SIDE) / SIDE;
      let at = b % SIDE;
      var block = mat4x4<f32>(vec4<f32>(0.0), vec4<f32>(0.0), vec4<f32>(0.0), vec4<f32>(0.0));
      if (32u * step + 4u * k4 < p.k) {
        if (side == 0u) { block = load_a(row4 + at, 8u * step + k4); } else { block = load_b(col4 + at, 8u * step + k4); }
      }
      let o = 4u * k4 * SIDE + at;
      if (side == 0u) {
//!repeat j 4
        ta[o + ${j}u * SIDE] = block[${j}];
//!end
      } else {
//!repeat j 4
        tb[o + ${j}u * SIDE] = block[${j}];
//!end
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < 32u; k++) {
      let a = ta[k * SIDE + ty];
      let b = tb[k * SIDE + tx];
//!repeat i 4
      c${i} = fma(vec4<f32>(a[${i}]), b, c${i});
//!end
    }
    workgroupBarrier();
  }
//!repeat i 4
  store(4u * (row4 + ty) + ${i}u, col4 + tx, c${i});
//!end
}
