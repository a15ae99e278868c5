// wload4(i) is elements i..i+3 of a stored weight, i a multiple of 4 (for a
// quantised one, of its blocks of 32 too); wload(i) is one element. W4: w comes
// in fours, and is read so alone: each read is one.
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
// d·q + m, q of 4 bits: 6 words a block, f32 d, f32 m, nibbles.
fn wload4(i: u32) -> vec4<f32> {
  let b = (i / 32u) * 6u;
  return vec4<f32>(nibbles(b + 2u, i % 32u)) * bitcast<f32>(w[b]) + vec4<f32>(bitcast<f32>(w[b + 1u]));
}
//!end
//!if Q5
// d·q + m, q of 5 bits: 7 words a block, f32 d, f32 m, fifth bits, nibbles.
fn wload4(i: u32) -> vec4<f32> {
  let b = (i / 32u) * 7u;
  let e = i % 32u;
  let h = w[b + 2u] >> e;
  let q = nibbles(b + 3u, e) | vec4<u32>((h << 4u) & 16u, (h << 3u) & 16u, (h << 2u) & 16u, (h << 1u) & 16u);
  return vec4<f32>(q) * bitcast<f32>(w[b]) + vec4<f32>(bitcast<f32>(w[b + 1u]));
}
//!end
//!if Q6
// d·(q − 32), q of 6 bits: 8 words a block, f32 d of the first and of the last
// 16 elements, nibbles, then two high bits each.
fn wload4(i: u32) -> vec4<f32> {
  let b = (i / 32u) * 8u;
  let e = i % 32u;
  let h = w[b + 6u + e / 16u] >> (2u * (e % 16u));
  let q = nibbles(b + 2u, e) | vec4<u32>((h << 4u) & 48u, (h << 2u) & 48u, h & 48u, (h >> 2u) & 48u);
  return (vec4<f32>(q) - vec4<f32>(32.0)) * bitcast<f32>(w[b + e / 16u]);
}
//!end
//!if IQ4
// d·level[q] of IQ4_NL: 5 words a block, f32 d, nibbles.
fn wload4(i: u32) -> vec4<f32> {
  let b = (i / 32u) * 5u;
  let q = nibbles(b + 1u, i % 32u);
  return vec4<f32>(level(q.x), level(q.y), level(q.z), level(q.w)) * bitcast<f32>(w[b]);
}
// Four levels a word, as signed bytes.
fn level(q: u32) -> f32 {
  let lo = select(0xbfad9881u, 0xf6eaddcfu, q >= 4u);
  let hi = select(0x26190d01u, 0x71594535u, q >= 12u);
  let word = select(lo, hi, q >= 8u);
  return f32(bitcast<i32>(word << (24u - 8u * (q % 4u))) >> 24u);
}
//!end
//!if NIBBLES
// Elements e..e+3 of the 16 bytes at w[at]: byte i holds element i low and
// element i+16 high.
fn nibbles(at: u32, e: u32) -> vec4<u32> {
  let v = w[at + (e % 16u) / 4u] >> select(0u, 4u, e >= 16u);
  return vec4<u32>(v & 15u, (v >> 8u) & 15u, (v >> 16u) & 15u, (v >> 24u) & 15u);
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
//!if W4
fn wload4(i: u32) -> vec4<f32> { return bitcast<vec4<f32>>(w[i / 4u]); }
//!end
//!if !W4
fn wload(i: u32) -> f32 { return bitcast<f32>(w[i]); }
fn wload4(i: u32) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(w[i], w[i + 1u], w[i + 2u], w[i + 3u])); }
//!end
//!end
fn pick(v: vec4<f32>, k: u32) -> f32 {
  return select(select(v.x, v.y, k == 1u), select(v.z, v.w, k == 3u), k >= 2u);
}
