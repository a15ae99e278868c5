// graph.KindLinear, y = x·Wᵀ, and KindLinearT, y = x·W, without workgroup
// memory: each thread keeps 8 rows × 4 columns in registers. For adapters that
// run on a CPU, where a barrier costs more than reading again.
//!include _linear

fn x4(i: u32, k: u32) -> vec4<f32> {
  let at = min(i, p.m - 1u) * p.ldx + p.x0 + k;
  return vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let o = id.x * 4u;
  let i = id.y * 8u;
  if (o >= p.n || i >= p.m) { return; }
  var acc = array<vec4<f32>, 8>();
  let k4 = p.k - p.k % 4u;
//!if !TRANSPOSED
  // W is [n, k]: four of its rows meet eight of x's.
  let o1 = min(o + 1u, p.n - 1u);
  let o2 = min(o + 2u, p.n - 1u);
  let o3 = min(o + 3u, p.n - 1u);
  if (p.k % 4u == 0u) {
    for (var k = 0u; k < k4; k += 4u) {
      let w0 = wload4(o * p.k + k);
      let w1 = wload4(o1 * p.k + k);
      let w2 = wload4(o2 * p.k + k);
      let w3 = wload4(o3 * p.k + k);
      for (var r = 0u; r < 8u; r++) {
        let a = x4(i + r, k);
        acc[r] += vec4<f32>(dot(a, w0), dot(a, w1), dot(a, w2), dot(a, w3));
      }
    }
  } else {
    for (var k = 0u; k < p.k; k++) {
      let b = vec4<f32>(wload(o * p.k + k), wload(o1 * p.k + k), wload(o2 * p.k + k), wload(o3 * p.k + k));
      for (var r = 0u; r < 8u; r++) { acc[r] += x[min(i + r, p.m - 1u) * p.ldx + p.x0 + k] * b; }
    }
  }
//!end
//!if TRANSPOSED
  // W is [k, n]: each of its rows gives four columns.
  if (p.n % 4u == 0u) {
    for (var k = 0u; k < k4; k += 4u) {
      let w0 = wload4(k * p.n + o);
      let w1 = wload4((k + 1u) * p.n + o);
      let w2 = wload4((k + 2u) * p.n + o);
      let w3 = wload4((k + 3u) * p.n + o);
      for (var r = 0u; r < 8u; r++) {
        let a = x4(i + r, k);
        acc[r] += a.x * w0 + a.y * w1 + a.z * w2 + a.w * w3;
      }
    }
    for (var k = k4; k < p.k; k++) {
      let b = wload4(k * p.n + o);
      for (var r = 0u; r < 8u; r++) { acc[r] += x[min(i + r, p.m - 1u) * p.ldx + p.x0 + k] * b; }
    }
  } else {
    for (var k = 0u; k < p.k; k++) {
      let e = p.n - 1u;
      let b = vec4<f32>(wload(k * p.n + o), wload(k * p.n + min(o + 1u, e)), wload(k * p.n + min(o + 2u, e)), wload(k * p.n + min(o + 3u, e)));
      for (var r = 0u; r < 8u; r++) { acc[r] += x[min(i + r, p.m - 1u) * p.ldx + p.x0 + k] * b; }
    }
  }
//!end
  for (var r = 0u; r < 8u; r++) {
    if (i + r < p.m) {
      for (var c = 0u; c < 4u; c++) {
        if (o + c < p.n) { finish(i + r, o + c, acc[r][c]); }
      }
    }
  }
}
