// graph.KindRoutedOuter y[t] = scale·Σ_{slot[n]=t} x[n]ᵀ·y[n], and KindOuter,
// the same without slots: one thread an element, over rows lo … hi−1 in order,
// added to what earlier rows gave.
struct P { lo: u32, hi: u32, a: u32, b: u32, tasks: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> z: array<f32>;
//!if ROUTED
@group(0) @binding(2) var<storage, read> slot: array<i32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = element(wid, nw, lid);
  if (e >= p.tasks * p.a * p.b) { return; }
  let i = (e / p.b) % p.a;
  let j = e % p.b;
  var s = 0.0;
  for (var n = p.lo; n < p.hi; n++) {
//!if ROUTED
    if (slot[n] != i32(e / (p.a * p.b))) { continue; }
//!end
    s = fma(x[n * p.a + i], z[n * p.b + j], s);
  }
  s *= p.scale;
  if (p.lo > 0u) { s += y[e]; }
  y[e] = s;
}
