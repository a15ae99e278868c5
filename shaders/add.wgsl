// y = a + b, or y = a·s for a scalar s [1] (SCALE). graph/op_add.go.
//!include each
struct P { n4: u32, pad0: u32, pad1: u32, pad2: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
//!if SCALE
@group(0) @binding(2) var<storage, read> s: array<f32>;
//!else
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(${WG})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let at = first(wg, grid, li);
  for (var j = 0u; j < ${PER}u; j++) {
    let i = at + j * ${WG}u;
    if (i >= p.n4) { break; }
//!if SCALE
    y[i] = a[i] * s[0];
//!else
    y[i] = a[i] + b[i];
//!end
  }
}
