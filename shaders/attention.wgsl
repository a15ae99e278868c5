// graph.KindAttention and its backward (formulas in graph/op_attention.go).
// Forward, stats and dq: a thread a query and head, over its keys. dk and dv: a
// thread a key and key/value head, over the queries that see it. Softmax runs
// online, so scores are never stored. Heads whose width four divides are read
// four values at a time, and the innermost loops have few enough rounds, U, for
// drivers to write them out. Both keep loops short: Mesa's CPU driver ends all
// loops of a thread together after 65,535 rounds, and says nothing.
struct P { n: u32, m: u32, heads: u32, kv: u32, scale: f32, width: i32, zero: i32, causal: u32 }
//!if VEC
const D = $Du / 4u;
alias T = vec4<f32>;
fn mad(a: T, b: T, s: f32) -> f32 { return s + dot(a, b); }
//!end
//!if !VEC
const D = $Du;
alias T = f32;
fn mad(a: T, b: T, s: f32) -> f32 { return fma(a, b, s); }
//!end
const U = $Uu;
@group(0) @binding(0) var<storage, read> q: array<T>;
@group(0) @binding(1) var<storage, read> k: array<T>;
//!if V
@group(0) @binding(2) var<storage, read> v: array<T>;
//!end
@group(0) @binding(3) var<storage, read> span: array<i32>;
//!if DY
@group(0) @binding(4) var<storage, read> dy: array<T>;
//!end
//!if OUT
@group(0) @binding(5) var<storage, read> o: array<T>;
//!end
//!if STATS
@group(0) @binding(6) var<storage, read> stats: array<f32>;
//!end
//!if MAKESTATS
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
//!end
//!if !MAKESTATS
@group(0) @binding(7) var<storage, read_write> y: array<T>;
//!end
//!if SKIP
@group(0) @binding(8) var<storage, read> skip: array<i32>;
fn skipped(i: u32, j: u32) -> bool { return i32(j) >= skip[2u * i] && i32(j) < skip[2u * i + 1u]; }
//!end
//!if BIAS
@group(0) @binding(8) var<storage, read> table: array<f32>;
fn bias(h: u32, distance: i32) -> f32 { return table[i32(h) * p.width + clamp(distance + p.zero, 0, p.width - 1)]; }
//!end
@group(0) @binding(9) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let id = element(wid, nw, lid);
  let group = p.heads / p.kv;
//!if !BACK
  if (id >= p.n * p.heads) { return; }
  let i = id / p.heads;
  let h = id % p.heads;
  let lo = u32(max(span[2u * i], 0));
  let hi = u32(clamp(span[2u * i + 1u], 0, i32(p.m)));
  let qa = (i * p.heads + h) * D;
  let ldk = p.kv * D;
  let kh = (h / group) * D;
//!if BIAS
  let here = select(i32(i), span[2u * i + 1u] - 1, p.causal == 1u);
//!end
  var qr = array<T, D>();
  for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; qr[d] = q[qa + d] * p.scale; } }
//!if FORWARD
  var acc = array<T, D>();
  var most = -3.0e38;
  var total = 0.0;
  for (var j = lo; j < hi; j++) {
//!if SKIP
    if (skipped(i, j)) { continue; }
//!end
    var s = 0.0;
    for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; s = mad(qr[d], k[j * ldk + kh + d], s); } }
//!if BIAS
    s += bias(h, i32(j) - here);
//!end
    if (s > most) {
      let c = exp(most - s);
      total *= c;
      for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; acc[d] *= c; } }
      most = s;
    }
    let e = exp(s - most);
    total += e;
    for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; acc[d] += e * v[j * ldk + kh + d]; } }
  }
  let inv = select(0.0, 1.0 / max(total, 1e-38), total > 0.0);
  for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; y[qa + d] = acc[d] * inv; } }
//!end
//!if MAKESTATS
  var most = -3.0e38;
  var total = 0.0;
  for (var j = lo; j < hi; j++) {
//!if SKIP
    if (skipped(i, j)) { continue; }
//!end
    var s = 0.0;
    for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; s = mad(qr[d], k[j * ldk + kh + d], s); } }
//!if BIAS
    s += bias(h, i32(j) - here);
//!end
    if (s > most) {
      total *= exp(most - s);
      most = s;
    }
    total += exp(s - most);
  }
  var delta = 0.0;
  for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; delta = mad(o[qa + d], dy[qa + d], delta); } }
  y[2u * id] = select(0.0, most + log(max(total, 1e-38)), total > 0.0);
  y[2u * id + 1u] = delta;
//!end
//!if GRADQ
  var acc = array<T, D>();
  for (var j = lo; j < hi; j++) {
//!if SKIP
    if (skipped(i, j)) { continue; }
//!end
    var s = 0.0;
    var g = 0.0;
    for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) {
      let d = b + u;
      s = mad(qr[d], k[j * ldk + kh + d], s);
      g = mad(dy[qa + d], v[j * ldk + kh + d], g);
    } }
//!if BIAS
    s += bias(h, i32(j) - here);
//!end
    let ds = exp(s - stats[2u * id]) * (g - stats[2u * id + 1u]) * p.scale;
    for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; acc[d] += ds * k[j * ldk + kh + d]; } }
  }
  for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; y[qa + d] = acc[d]; } }
//!end
//!end
//!if BACK
  if (id >= p.m * p.kv) { return; }
  let j = id / p.kv;
  let kh = id % p.kv;
  let lo = u32(max(span[2u * j], 0));
  let hi = u32(clamp(span[2u * j + 1u], 0, i32(p.n)));
  var kr = array<T, D>();
  for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; kr[d] = k[id * D + d] * p.scale; } }
  var acc = array<T, D>();
  for (var h = kh * group; h < (kh + 1u) * group; h++) {
    for (var i = lo; i < hi; i++) {
      let qa = (i * p.heads + h) * D;
      let st = 2u * (i * p.heads + h);
      var s = 0.0;
      for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; s = mad(kr[d], q[qa + d], s); } }
//!if BIAS
      s += bias(h, i32(j) - i32(i));
//!end
      let e = exp(s - stats[st]);
//!if V
      var g = 0.0;
      for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; g = mad(dy[qa + d], v[id * D + d], g); } }
      let ds = e * (g - stats[st + 1u]) * p.scale;
      for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; acc[d] += ds * q[qa + d]; } }
//!end
//!if !V
      for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; acc[d] += e * dy[qa + d]; } }
//!end
    }
  }
  for (var b = 0u; b < D; b += U) { for (var u = 0u; u < U; u++) { let d = b + u; y[id * D + d] = acc[d]; } }
//!end
}
