// graph.KindRouterNorm, logits to weights, and its gradient: one thread a task
// and head. pass(i) is σ(x) of skill i, on(i) what is normalised.
struct P { heads: u32, skills: u32, at: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> z: array<f32>;
//!if GRAD
@group(0) @binding(1) var<storage, read> dw: array<f32>;
//!end
//!if NOISE
@group(0) @binding(2) var<storage, read> noise: array<f32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _grid

fn logit(i: u32) -> f32 {
//!if NOISE
  return z[i] + noise[p.at + i];
//!end
//!if !NOISE
  return z[i];
//!end
}

fn sigmoid(v: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0))); }
fn gate(i: u32) -> f32 { return sigmoid(logit(i)); }

// o is the head's first logit.
fn on(o: u32, s: u32) -> f32 {
//!if SHARED
  if (s + 1u == p.skills) { return 1.0; }
//!end
//!if GATE
  return gate(o + s);
//!end
//!if STRAIGHT
  return select(0.0, 1.0, logit(o + s) > 0.0);
//!end
//!if L2
  return logit(o + s);
//!end
}

// below is what a head's values are divided by.
fn below(o: u32) -> f32 {
//!if CORRECTION
  return 1.0 / p.factor;
//!end
//!if L2
  var most = 0.0; // squares of the parts of the largest cannot vanish
  for (var s = 0u; s < p.skills; s++) { most = max(most, abs(on(o, s))); }
  if (most <= 1e-12) { return 0.0; }
  var sum = 0.0;
  for (var s = 0u; s < p.skills; s++) { sum += on(o, s) / most * (on(o, s) / most); }
  return most * sqrt(sum);
//!end
//!if NORMALISED
  var sum = 1e-12;
  for (var s = 0u; s < p.skills; s++) { sum += on(o, s); }
  return sum;
//!end
}

fn weight(o: u32, s: u32, sum: f32) -> f32 {
//!if L2
  if (sum <= 1e-12) { return 0.0; }
//!end
  return on(o, s) / sum;
}

//!if GRAD
fn slope(o: u32, s: u32, sum: f32, dot: f32) -> f32 {
//!if L2
  if (sum <= 1e-12) { return 0.0; }
  return (dw[o + s] - weight(o, s, sum) * dot) / sum;
//!end
//!if CORRECTION
  return dw[o + s] / sum * gate(o + s) * (1.0 - gate(o + s));
//!end
//!if NORMALISED
//!if SHARED
  if (s + 1u == p.skills) { return 0.0; }
//!end
  var under = sum;
//!if STRAIGHT
  under = max(1.0, sum);
//!end
  return (dw[o + s] - dot) / under * gate(o + s) * (1.0 - gate(o + s));
//!end
}
//!end

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let id = element(wid, nw, lid);
  if (id >= p.heads) { return; }
  let o = id * p.skills;
  let sum = below(o);
//!if !GRAD
  for (var s = 0u; s < p.skills; s++) { y[o + s] = weight(o, s, sum); }
//!end
//!if GRAD
  var dot = 0.0;
  for (var s = 0u; s < p.skills; s++) { dot += dw[o + s] * weight(o, s, sum); }
  for (var s = 0u; s < p.skills; s++) { y[o + s] = slope(o, s, sum, dot); }
//!end
}
