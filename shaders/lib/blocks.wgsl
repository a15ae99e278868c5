// The two sides of a product C[m, n] = Σ_k A[m, k]·B[k, n], read as 4 × 4
// blocks whose columns are k: load_a(r4, k4)[j] holds A[4·r4 …, 4·k4 + j],
// load_b(c4, k4)[j] holds B[4·k4 + j, 4·c4 …]. Rows and columns past the edge
// read an inner neighbour, so that loads need no bounds; A's are 0 past k.
//
//   FORM=NT  A = x [m, ldx],  B = Wᵀ, W [n, ldw]    Linear   (graph/op_linear.go)
//   FORM=NN  A = x [m, ldx],  B = W [k, ldw]        LinearT  (graph/op_linear.go)
//   FORM=TN  A = xᵀ, x [k, ldx],  B = W [k, ldw]    Outer    (graph/op_routed.go)
//
// XV says that ldx is a multiple of 4. A weight may be one piece of a larger
// one: k0 and col0 are the piece's place along k and along C's columns.
struct P {
  m: u32, n: u32, k: u32, ldx: u32,
  k0: u32, ldw: u32, ldy: u32, col0: u32,
  more: u32, rank: u32, scale: f32, pad: u32,
}
@group(0) @binding(0) var<uniform> p: P;
//!if XV
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn x4(row: u32, c4: u32) -> vec4<f32> { return x[row * (p.ldx / 4u) + c4]; }
//!else
@group(0) @binding(1) var<storage, read> x: array<f32>;
fn x1(row: u32, c: u32) -> f32 {
  if (c < p.ldx) { return x[row * p.ldx + c]; }
  return 0.0;
}
fn x4(row: u32, c4: u32) -> vec4<f32> {
  let c = 4u * c4;
  return vec4<f32>(x1(row, c), x1(row, c + 1u), x1(row, c + 2u), x1(row, c + 3u));
}
//!end
//!include weight

//!if FORM=TN
fn a4(k: u32, r4: u32) -> vec4<f32> {
  if (k < p.k) { return x4(k, r4); }
  return vec4<f32>(0.0);
}
fn load_a(r4: u32, k4: u32) -> mat4x4<f32> {
  let r = min(r4, (p.m - 1u) / 4u);
  let k = 4u * k4;
  return mat4x4<f32>(a4(k, r), a4(k + 1u, r), a4(k + 2u, r), a4(k + 3u, r));
}
//!else
fn load_a(r4: u32, k4: u32) -> mat4x4<f32> {
  let r = 4u * r4;
  let e = p.m - 1u;
  let c = p.k0 / 4u + k4;
  return transpose(mat4x4<f32>(x4(min(r, e), c), x4(min(r + 1u, e), c), x4(min(r + 2u, e), c), x4(min(r + 3u, e), c)));
}
//!end
//!if FORM=NT
fn load_b(c4: u32, k4: u32) -> mat4x4<f32> {
  let c = 4u * c4;
  let e = p.n - 1u;
  return transpose(mat4x4<f32>(w4(min(c, e), k4), w4(min(c + 1u, e), k4), w4(min(c + 2u, e), k4), w4(min(c + 3u, e), k4)));
}
//!else
fn load_b(c4: u32, k4: u32) -> mat4x4<f32> {
  let c = min(c4, (p.n - 1u) / 4u);
  let k = 4u * k4;
  let e = p.k - 1u;
  return mat4x4<f32>(w4(min(k, e), c), w4(min(k + 1u, e), c), w4(min(k + 2u, e), c), w4(min(k + 3u, e), c));
}
//!end
