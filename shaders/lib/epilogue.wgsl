// store writes four neighbours C[row, 4·c4 …] of a product with what follows
// it: + scale·h·M[slot] (ROUTED), + add (ADD), + what an earlier piece of the
// weight left there (p.more). graph/op_linear.go, LinearAttr.
//
//   FORM=NT  M [t, rank, ldy]: h·M        FORM=NN  M [t, ldy, rank]: h·Mᵀ
//
// MV says that M's last axis is a multiple of 4; slot < 0 adds nothing.
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
//!if ADD
@group(0) @binding(7) var<storage, read> addend: array<f32>;
//!end
//!if ROUTED
@group(0) @binding(4) var<storage, read> h: array<f32>;
@group(0) @binding(6) var<storage, read> slot: array<i32>;
//!if MV
@group(0) @binding(5) var<storage, read> md: array<vec4<f32>>;
//!else
@group(0) @binding(5) var<storage, read> md: array<f32>;
//!end
fn routed(row: u32, col: u32) -> vec4<f32> {
  var v = vec4<f32>(0.0);
  let s = slot[row];
  if (s < 0) { return v; }
  let t = u32(s);
  let o = row * p.rank;
  let e = p.ldy - 1u;
//!if FORM=NT
  for (var i = 0u; i < p.rank; i++) {
    let b = (t * p.rank + i) * p.ldy;
//!if MV
    v = fma(vec4<f32>(h[o + i]), md[(b + col) / 4u], v);
//!else
    v = fma(vec4<f32>(h[o + i]), vec4<f32>(md[b + col], md[b + min(col + 1u, e)], md[b + min(col + 2u, e)], md[b + min(col + 3u, e)]), v);
//!end
  }
//!else
  let b = t * p.ldy;
  let b0 = (b + col) * p.rank;
  let b1 = (b + min(col + 1u, e)) * p.rank;
  let b2 = (b + min(col + 2u, e)) * p.rank;
  let b3 = (b + min(col + 3u, e)) * p.rank;
//!if MV
  for (var i = 0u; i < p.rank; i += 4u) {
    let g = vec4<f32>(h[o + i], h[o + i + 1u], h[o + i + 2u], h[o + i + 3u]);
    v += vec4<f32>(dot(g, md[(b0 + i) / 4u]), dot(g, md[(b1 + i) / 4u]), dot(g, md[(b2 + i) / 4u]), dot(g, md[(b3 + i) / 4u]));
  }
//!else
  for (var i = 0u; i < p.rank; i++) {
    v = fma(vec4<f32>(h[o + i]), vec4<f32>(md[b0 + i], md[b1 + i], md[b2 + i], md[b3 + i]), v);
  }
//!end
//!end
  return v * p.scale;
}
//!end
fn store(row: u32, c4: u32, value: vec4<f32>) {
  let c = 4u * c4;
  if (row >= p.m || c >= p.n) { return; }
  var v = value;
//!if ROUTED
  v += routed(row, p.col0 + c);
//!end
  let o = row * p.ldy + p.col0 + c;
//!repeat j 4
  if (c + ${j}u < p.n) {
    var s = v[${j}];
//!if ADD
    s += addend[o + ${j}u];
//!end
    if (p.more != 0u) { s += y[o + ${j}u]; }
    y[o + ${j}u] = s;
  }
//!end
}
