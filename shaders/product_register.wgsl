// C = A·B for adapters that compute on a CPU: 8 × 8 outputs a thread in
// registers, no workgroup memory, no barrier (a barrier costs such adapters
// 3.5 times). A workgroup is TY threads along rows and 64/TY along columns.
// Forms, types and epilogues: lib/blocks.wgsl, weight.wgsl, epilogue.wgsl.
//!include fold
//!include blocks
//!include epilogue

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let tx = 64u / ${TY}u;
  let wide = (p.n + 8u * tx - 1u) / (8u * tx);
  let id = fold(wg, grid);
  let r4 = 2u * (id / wide * ${TY}u + li / tx);
  let c4 = 2u * (id % wide * tx + li % tx);
  if (4u * r4 >= p.m || 4u * c4 >= p.n) { return; }
  // Rows 0–3 are u, rows 4–7 are v; columns 0–3 are l, columns 4–7 are r.
//!repeat i 4
  var ul${i} = vec4<f32>(0.0);
  var ur${i} = vec4<f32>(0.0);
  var vl${i} = vec4<f32>(0.0);
  var vr${i} = vec4<f32>(0.0);
//!end
  let steps = (p.k + 3u) / 4u;
  for (var k4 = 0u; k4 < steps; k4++) {
    let u = load_a(r4, k4);
    let v = load_a(r4 + 1u, k4);
    let l = load_b(c4, k4);
    let r = load_b(c4 + 1u, k4);
//!repeat j 4
//!repeat i 4
    ul${i} = fma(vec4<f32>(u[${j}][${i}]), l[${j}], ul${i});
    ur${i} = fma(vec4<f32>(u[${j}][${i}]), r[${j}], ur${i});
    vl${i} = fma(vec4<f32>(v[${j}][${i}]), l[${j}], vl${i});
    vr${i} = fma(vec4<f32>(v[${j}][${i}]), r[${j}], vr${i});
//!end
//!end
  }
//!repeat i 4
  store(4u * r4 + ${i}u, c4, ul${i});
  store(4u * r4 + ${i}u, c4 + 1u, ur${i});
  store(4u * r4 + ${i}u + 4u, c4, vl${i});
  store(4u * r4 + ${i}u + 4u, c4 + 1u, vr${i});
//!end
}
