// graph.KindRouterNorm w = σ(Z)/(Σ_s σ(Z) + 1e-12) and its gradient: one
// thread a task and head.
struct P { heads: u32, skills: u32 }
@group(0) @binding(0) var<storage, read> z: array<f32>;
//!if GRAD
@group(0) @binding(1) var<storage, read> dw: array<f32>;
//!end
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
//!include _grid

fn sigmoid(v: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0))); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let id = element(wid, nw, lid);
  if (id >= p.heads) { return; }
  let o = id * p.skills;
  var sum = 1e-12;
  for (var s = 0u; s < p.skills; s++) { sum += sigmoid(z[o + s]); }
//!if !GRAD
  for (var s = 0u; s < p.skills; s++) { y[o + s] = sigmoid(z[o + s]) / sum; }
//!end
//!if GRAD
  var d = 0.0;
  for (var s = 0u; s < p.skills; s++) { d += dw[o + s] * sigmoid(z[o + s]) / sum; }
  for (var s = 0u; s < p.skills; s++) {
    let g = sigmoid(z[o + s]);
    y[o + s] = (dw[o + s] - d) / sum * g * (1.0 - g);
  }
//!end
}
