// graph.KindLinear, y = x·Wᵀ, and KindLinearT, y = x·W, without workgroup
// memory: each thread keeps 8 rows × 8 columns in registers. For adapters that
// run on a CPU, where a barrier costs more than reading again, and an array with
// a counted index is no register: sums have names, a0 to a7 of the first four
// columns, b0 to b7 of the others.
//!include _linear

fn row4(at: u32) -> vec4<f32> { return vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]); }

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let o = id.x * 8u;
  let i = id.y * 8u;
  if (o >= p.n || i >= p.m) { return; }
  let r0 = i * p.ldx + p.x0;
  let r1 = min(i + 1u, p.m - 1u) * p.ldx + p.x0;
  let r2 = min(i + 2u, p.m - 1u) * p.ldx + p.x0;
  let r3 = min(i + 3u, p.m - 1u) * p.ldx + p.x0;
  let r4 = min(i + 4u, p.m - 1u) * p.ldx + p.x0;
  let r5 = min(i + 5u, p.m - 1u) * p.ldx + p.x0;
  let r6 = min(i + 6u, p.m - 1u) * p.ldx + p.x0;
  let r7 = min(i + 7u, p.m - 1u) * p.ldx + p.x0;
  var a0 = vec4<f32>(); var b0 = vec4<f32>();
  var a1 = vec4<f32>(); var b1 = vec4<f32>();
  var a2 = vec4<f32>(); var b2 = vec4<f32>();
  var a3 = vec4<f32>(); var b3 = vec4<f32>();
  var a4 = vec4<f32>(); var b4 = vec4<f32>();
  var a5 = vec4<f32>(); var b5 = vec4<f32>();
  var a6 = vec4<f32>(); var b6 = vec4<f32>();
  var a7 = vec4<f32>(); var b7 = vec4<f32>();
  let last = p.n - 1u;
//!if !TRANSPOSED
  // W is [n, k]: eight of its rows meet eight of x's.
  let c0 = o * p.k;
  let c1 = min(o + 1u, last) * p.k;
  let c2 = min(o + 2u, last) * p.k;
  let c3 = min(o + 3u, last) * p.k;
  let c4 = min(o + 4u, last) * p.k;
  let c5 = min(o + 5u, last) * p.k;
  let c6 = min(o + 6u, last) * p.k;
  let c7 = min(o + 7u, last) * p.k;
  if (p.k % 4u == 0u) {
    for (var k = 0u; k < p.k; k += 4u) {
      let x0 = row4(r0 + k);
      let x1 = row4(r1 + k);
      let x2 = row4(r2 + k);
      let x3 = row4(r3 + k);
      let x4 = row4(r4 + k);
      let x5 = row4(r5 + k);
      let x6 = row4(r6 + k);
      let x7 = row4(r7 + k);
      let u = mat4x4<f32>(wload4(c0 + k), wload4(c1 + k), wload4(c2 + k), wload4(c3 + k));
      let v = mat4x4<f32>(wload4(c4 + k), wload4(c5 + k), wload4(c6 + k), wload4(c7 + k));
      a0 += x0 * u; b0 += x0 * v;
      a1 += x1 * u; b1 += x1 * v;
      a2 += x2 * u; b2 += x2 * v;
      a3 += x3 * u; b3 += x3 * v;
      a4 += x4 * u; b4 += x4 * v;
      a5 += x5 * u; b5 += x5 * v;
      a6 += x6 * u; b6 += x6 * v;
      a7 += x7 * u; b7 += x7 * v;
    }
  } else {
    for (var k = 0u; k < p.k; k++) {
      let u = vec4<f32>(wload(c0 + k), wload(c1 + k), wload(c2 + k), wload(c3 + k));
      let v = vec4<f32>(wload(c4 + k), wload(c5 + k), wload(c6 + k), wload(c7 + k));
      let s0 = x[r0 + k]; a0 += s0 * u; b0 += s0 * v;
      let s1 = x[r1 + k]; a1 += s1 * u; b1 += s1 * v;
      let s2 = x[r2 + k]; a2 += s2 * u; b2 += s2 * v;
      let s3 = x[r3 + k]; a3 += s3 * u; b3 += s3 * v;
      let s4 = x[r4 + k]; a4 += s4 * u; b4 += s4 * v;
      let s5 = x[r5 + k]; a5 += s5 * u; b5 += s5 * v;
      let s6 = x[r6 + k]; a6 += s6 * u; b6 += s6 * v;
      let s7 = x[r7 + k]; a7 += s7 * u; b7 += s7 * v;
    }
  }
//!end
//!if TRANSPOSED
  // W is [k, n]: each of its rows gives eight columns.
  if (p.n % 4u == 0u) {
    let q = min(o + 4u, p.n - 4u); // what lies beyond n is not stored
    let k4 = p.k - p.k % 4u;
    for (var k = 0u; k < k4; k += 4u) {
      let w0 = k * p.n;
      let w1 = w0 + p.n;
      let w2 = w1 + p.n;
      let w3 = w2 + p.n;
      let x0 = row4(r0 + k);
      let x1 = row4(r1 + k);
      let x2 = row4(r2 + k);
      let x3 = row4(r3 + k);
      let x4 = row4(r4 + k);
      let x5 = row4(r5 + k);
      let x6 = row4(r6 + k);
      let x7 = row4(r7 + k);
      let u = mat4x4<f32>(wload4(w0 + o), wload4(w1 + o), wload4(w2 + o), wload4(w3 + o));
      let v = mat4x4<f32>(wload4(w0 + q), wload4(w1 + q), wload4(w2 + q), wload4(w3 + q));
      a0 += u * x0; b0 += v * x0;
      a1 += u * x1; b1 += v * x1;
      a2 += u * x2; b2 += v * x2;
      a3 += u * x3; b3 += v * x3;
      a4 += u * x4; b4 += v * x4;
      a5 += u * x5; b5 += v * x5;
      a6 += u * x6; b6 += v * x6;
      a7 += u * x7; b7 += v * x7;
    }
    for (var k = k4; k < p.k; k++) {
      let u = wload4(k * p.n + o);
      let v = wload4(k * p.n + q);
      let s0 = x[r0 + k]; a0 += s0 * u; b0 += s0 * v;
      let s1 = x[r1 + k]; a1 += s1 * u; b1 += s1 * v;
      let s2 = x[r2 + k]; a2 += s2 * u; b2 += s2 * v;
      let s3 = x[r3 + k]; a3 += s3 * u; b3 += s3 * v;
      let s4 = x[r4 + k]; a4 += s4 * u; b4 += s4 * v;
      let s5 = x[r5 + k]; a5 += s5 * u; b5 += s5 * v;
      let s6 = x[r6 + k]; a6 += s6 * u; b6 += s6 * v;
      let s7 = x[r7 + k]; a7 += s7 * u; b7 += s7 * v;
    }
  } else {
    for (var k = 0u; k < p.k; k++) {
      let w0 = k * p.n;
      let u = vec4<f32>(wload(w0 + o), wload(w0 + min(o + 1u, last)), wload(w0 + min(o + 2u, last)), wload(w0 + min(o + 3u, last)));
      let v = vec4<f32>(wload(w0 + min(o + 4u, last)), wload(w0 + min(o + 5u, last)), wload(w0 + min(o + 6u, last)), wload(w0 + min(o + 7u, last)));
      let s0 = x[r0 + k]; a0 += s0 * u; b0 += s0 * v;
      let s1 = x[r1 + k]; a1 += s1 * u; b1 += s1 * v;
      let s2 = x[r2 + k]; a2 += s2 * u; b2 += s2 * v;
      let s3 = x[r3 + k]; a3 += s3 * u; b3 += s3 * v;
      let s4 = x[r4 + k]; a4 += s4 * u; b4 += s4 * v;
      let s5 = x[r5 + k]; a5 += s5 * u; b5 += s5 * v;
      let s6 = x[r6 + k]; a6 += s6 * u; b6 += s6 * v;
      let s7 = x[r7 + k]; a7 += s7 * u; b7 += s7 * v;
    }
  }
//!end
  var sums = array<vec4<f32>, 16>(a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7);
  for (var r = 0u; r < 8u; r++) {
    for (var c = 0u; c < 8u; c++) {
      if (i + r < p.m && o + c < p.n) { finish(i + r, o + c, sums[2u * r + c / 4u][c % 4u]); }
    }
  }
}
