// wload4(i) is elements i..i+3 of a stored weight, i a multiple of 4 (for a
// quantised one, of its blocks of 32 too); wload(i) is one element.
//!if Q8
// Q8_0, repacked: 9 words a block, an f32 scale then 32 signed bytes.
fn wload4(i: u32) -> vec4<f32> {
  let b = (i / 32u) * 9u;
  return unpack4x8(w[b + 1u + (i % 32u) / 4u]) * bitcast<f32>(w[b]);
}
fn unpack4x8(v: u32) -> vec4<f32> {
  let s = bitcast<i32>(v);
  return vec4<f32>(f32((s << 24u) >> 24u), f32((s << 16u) >> 24u), f32((s << 8u) >> 24u), f32(s >> 24u));
}
fn wload(i: u32) -> f32 { let v = wload4(i - i % 4u); return pick(v, i % 4u); }
//!end
//!if Q4
// Q4_1 (and Q4_0 with m = −8d): 6 words a block, f32 d, f32 m, 16 bytes of
// nibbles; byte i holds element i low and element i+16 high.
fn wload4(i: u32) -> vec4<f32> {
  let b = (i / 32u) * 6u;
  let e = i % 32u;
  let v = w[b + 2u + (e % 16u) / 4u] >> select(0u, 4u, e >= 16u);
  let n = vec4<f32>(f32(v & 15u), f32((v >> 8u) & 15u), f32((v >> 16u) & 15u), f32((v >> 24u) & 15u));
  return n * bitcast<f32>(w[b]) + vec4<f32>(bitcast<f32>(w[b + 1u]));
}
fn wload(i: u32) -> f32 { let v = wload4(i - i % 4u); return pick(v, i % 4u); }
//!end
//!if F16
fn wload(i: u32) -> f32 { let v = unpack2x16float(w[i / 2u]); return select(v.x, v.y, i % 2u == 1u); }
fn wload4(i: u32) -> vec4<f32> {
  let a = unpack2x16float(w[i / 2u]);
  let b = unpack2x16float(w[i / 2u + 1u]);
  return vec4<f32>(a.x, a.y, b.x, b.y);
}
//!end
//!if BF16
fn wload(i: u32) -> f32 { return bitcast<f32>(select(w[i / 2u] << 16u, w[i / 2u] & 0xffff0000u, i % 2u == 1u)); }
fn wload4(i: u32) -> vec4<f32> {
  let a = w[i / 2u];
  let b = w[i / 2u + 1u];
  return bitcast<vec4<f32>>(vec4<u32>(a << 16u, a & 0xffff0000u, b << 16u, b & 0xffff0000u));
}
//!end
//!if F32
fn wload(i: u32) -> f32 { return bitcast<f32>(w[i]); }
fn wload4(i: u32) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(w[i], w[i + 1u], w[i + 2u], w[i + 3u])); }
//!end
fn pick(v: vec4<f32>, k: u32) -> f32 {
  return select(select(v.x, v.y, k == 1u), select(v.z, v.w, k == 3u), k >= 2u);
}
