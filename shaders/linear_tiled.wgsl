// graph.KindLinear, y = x·Wᵀ, and KindLinearT, y = x·W, on 64 × 64 tiles in
// workgroup memory, 16 deep; 16 × 16 threads of 4 × 4 elements. Weights are
// dequantised once per tile. For real GPUs.
//!include _linear
var<workgroup> xs: array<f32, 1024>; // [16 k][64 rows]
var<workgroup> ws: array<f32, 1024>; // [16 k][64 columns]

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let i0 = wg.y * 64u;
  let o0 = wg.x * 64u;
  var acc = array<vec4<f32>, 4>();
  for (var k0 = 0u; k0 < p.k; k0 += 16u) {
    for (var j = 0u; j < 4u; j++) {
      let e = li + j * 256u;
      let xi = i0 + e / 16u;
      let xk = k0 + e % 16u;
      var xv = 0.0;
      if (xi < p.m && xk < p.k) { xv = x[xi * p.ldx + p.x0 + xk]; }
      xs[(e % 16u) * 64u + e / 16u] = xv;
//!if !TRANSPOSED
      let wo = o0 + e / 16u;
      let wk = k0 + e % 16u;
      var wv = 0.0;
      if (wo < p.n && wk < p.k) { wv = wload(wo * p.k + wk); }
      ws[(e % 16u) * 64u + e / 16u] = wv;
//!end
//!if TRANSPOSED
      let wo = o0 + e % 64u;
      let wk = k0 + e / 64u;
      var wv = 0.0;
      if (wo < p.n && wk < p.k) { wv = wload(wk * p.n + wo); }
      ws[(e / 64u) * 64u + e % 64u] = wv;
//!end
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let b = vec4<f32>(ws[k * 64u + lid.x * 4u], ws[k * 64u + lid.x * 4u + 1u], ws[k * 64u + lid.x * 4u + 2u], ws[k * 64u + lid.x * 4u + 3u]);
      for (var r = 0u; r < 4u; r++) { acc[r] = fma(vec4<f32>(xs[k * 64u + lid.y * 4u + r]), b, acc[r]); }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let i = i0 + lid.y * 4u + r;
      let o = o0 + lid.x * 4u + c;
      if (i < p.m && o < p.n) { finish(i, o, acc[r][c]); }
    }
  }
}
