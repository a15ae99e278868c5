// graph.KindMix and its gradients. at(t, q, e) is where element e of head q's
// part lies in a mixed module: heads cut rows (axis 0) or columns (axis 1).
struct P { tasks: u32, heads: u32, skills: u32, a: u32, b: u32 }
@group(0) @binding(0) var<storage, read> u: array<f32>;
@group(0) @binding(1) var<storage, read> v: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
//!include _rows

fn at(t: u32, q: u32, e: u32) -> u32 {
//!if AXIS0
  return (t * p.heads + q) * p.a * p.b + e;
//!end
//!if !AXIS0
  return ((t * p.a + e / p.b) * p.heads + q) * p.b + e % p.b;
//!end
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let size = p.a * p.b;
//!if MIX
  let id = element(wid, nw, lid);
  // u = w [t, Q, S], v = P [Q, S, a, b] → M
  if (id >= p.tasks * p.heads * size) { return; }
  let t = id / (p.heads * size);
  let q = (id / size) % p.heads;
  var s = 0.0;
  for (var k = 0u; k < p.skills; k++) {
    s = fma(u[(t * p.heads + q) * p.skills + k], v[(q * p.skills + k) * size + id % size], s);
  }
  y[at(t, q, id % size)] = s;
//!end
//!if GRADW
  // u = dM, v = P → [t, Q, S], a row an inner product
  let id = rowOf(wid, nw, lid);
  if (id >= p.tasks * p.heads * p.skills) { return; }
  let lane = laneOf(lid);
  let t = id / (p.heads * p.skills);
  let q = (id / p.skills) % p.heads;
  var s = 0.0;
  for (var e = lane; e < size; e += LANES) {
    s = fma(u[at(t, q, e)], v[(id % (p.heads * p.skills)) * size + e], s);
  }
  s = total(s, lane);
  if (lane == 0u) { y[id] = s; }
//!end
//!if GRADP
  // u = w, v = dM → [Q, S, a, b]
  let id = element(wid, nw, lid);
  if (id >= p.heads * p.skills * size) { return; }
  let qs = id / size;
  var s = 0.0;
  for (var t = 0u; t < p.tasks; t++) {
    s = fma(u[t * p.heads * p.skills + qs], v[at(t, qs / p.skills, id % size)], s);
  }
  y[id] = s;
//!end
}
