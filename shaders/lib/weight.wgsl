// w4 reads four neighbours of a stored weight, W[row, 4·c4 … 4·c4+3], as f32.
// Rows lie end to end, p.ldw elements each; how elements lie in a row depends
// on W's type (core/device/gpu/pack.go writes these layouts):
//
//   f32v  vec4<f32>; ldw is a multiple of 4
//   f32   f32; elements past the row's end read as 0
//   f16, bf16   two a word, rows padded with zeros to a multiple of 4
//   q8_0  9 words a block of 32: f32 d, 32 × i8                 x = d·q
//   q4_0  5 words a block of 32: f32 d, 32 nibbles              x = d·(q−8)
//   q4_1  5 words a block of 32: f16 d and f16 m, 32 nibbles    x = d·q + m
//
// Byte i of the nibbles holds element i in its low and i+16 in its high half.
//!if W=f32v
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
fn w4(row: u32, c4: u32) -> vec4<f32> { return w[row * (p.ldw / 4u) + c4]; }
//!end
//!if W=f32
@group(0) @binding(2) var<storage, read> w: array<f32>;
fn w1(row: u32, c: u32) -> f32 {
  if (c < p.ldw) { return w[row * p.ldw + c]; }
  return 0.0;
}
fn w4(row: u32, c4: u32) -> vec4<f32> {
  let c = 4u * c4;
  return vec4<f32>(w1(row, c), w1(row, c + 1u), w1(row, c + 2u), w1(row, c + 3u));
}
//!end
//!if W=f16
@group(0) @binding(2) var<storage, read> w: array<u32>;
fn w4(row: u32, c4: u32) -> vec4<f32> {
  let o = (row * ((p.ldw + 3u) / 4u) + c4) * 2u;
  return vec4<f32>(unpack2x16float(w[o]), unpack2x16float(w[o + 1u]));
}
//!end
//!if W=bf16
@group(0) @binding(2) var<storage, read> w: array<u32>;
fn w4(row: u32, c4: u32) -> vec4<f32> {
  let o = (row * ((p.ldw + 3u) / 4u) + c4) * 2u;
  let a = w[o];
  let b = w[o + 1u];
  return bitcast<vec4<f32>>(vec4<u32>(a << 16u, a & 0xffff0000u, b << 16u, b & 0xffff0000u));
}
//!end
//!if W=q8_0
@group(0) @binding(2) var<storage, read> w: array<u32>;
fn w4(row: u32, c4: u32) -> vec4<f32> {
  let b = (row * (p.ldw / 32u) + c4 / 8u) * 9u;
  let q = w[b + 1u + (c4 & 7u)];
  let i = bitcast<vec4<i32>>(vec4<u32>(q << 24u, q << 16u, q << 8u, q)) >> vec4<u32>(24u);
  return vec4<f32>(i) * bitcast<f32>(w[b]);
}
//!end
//!if W=q4_0
@group(0) @binding(2) var<storage, read> w: array<u32>;
fn w4(row: u32, c4: u32) -> vec4<f32> {
  let b = (row * (p.ldw / 32u) + c4 / 8u) * 5u;
  let q = w[b + 1u + (c4 & 3u)] >> (c4 & 4u);
  let i = vec4<u32>(q, q >> 8u, q >> 16u, q >> 24u) & vec4<u32>(15u);
  return (vec4<f32>(i) - 8.0) * bitcast<f32>(w[b]);
}
//!end
//!if W=q4_1
@group(0) @binding(2) var<storage, read> w: array<u32>;
fn w4(row: u32, c4: u32) -> vec4<f32> {
  let b = (row * (p.ldw / 32u) + c4 / 8u) * 5u;
  let dm = unpack2x16float(w[b]);
  let q = w[b + 1u + (c4 & 3u)] >> (c4 & 4u);
  let i = vec4<u32>(q, q >> 8u, q >> 16u, q >> 24u) & vec4<u32>(15u);
  return fma(vec4<f32>(i), vec4<f32>(dm.x), vec4<f32>(dm.y));
}
//!end
