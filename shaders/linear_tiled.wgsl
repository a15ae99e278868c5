// graph.KindLinear, y = x·Wᵀ, and KindLinearT, y = x·W, on 32 × 32 tiles in
// workgroup memory, 16 deep; 8 × 8 threads of 4 × 4 elements. Weights are
// dequantised once per tile. For real GPUs.
//!include _linear
var<workgroup> xs: array<f32, 512>; // [16 k][32 rows]
var<workgroup> ws: array<f32, 512>; // [16 k][32 columns]

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let i0 = wg.y * 32u;
  let o0 = wg.x * 32u;
  var acc = array<vec4<f32>, 4>();
  for (var k0 = 0u; k0 < p.k; k0 += 16u) {
    for (var j = 0u; j < 8u; j++) {
      let e = li + j * 64u;
      let xi = i0 + e / 16u;
      let xk = k0 + e % 16u;
      var xv = 0.0;
      if (xi < p.m && xk < p.k) { xv = x[xi * p.ldx + p.x0 + xk]; }
      xs[(e % 16u) * 32u + e / 16u] = xv;
//!if !TRANSPOSED
      let wo = o0 + e / 16u;
      let wk = k0 + e % 16u;
      var wv = 0.0;
      if (wo < p.n && wk < p.k) { wv = wload(wo * p.k + wk); }
      ws[(e % 16u) * 32u + e / 16u] = wv;
//!end
//!if TRANSPOSED
      let wo = o0 + e % 32u;
      let wk = k0 + e / 32u;
      var wv = 0.0;
      if (wo < p.n && wk < p.k) { wv = wload(wk * p.n + wo); }
      ws[(e / 32u) * 32u + e % 32u] = wv;
//!end
    }
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let b = vec4<f32>(ws[k * 32u + lid.x * 4u], ws[k * 32u + lid.x * 4u + 1u], ws[k * 32u + lid.x * 4u + 2u], ws[k * 32u + lid.x * 4u + 3u]);
      for (var r = 0u; r < 4u; r++) { acc[r] = fma(vec4<f32>(xs[k * 32u + lid.y * 4u + r]), b, acc[r]); }
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
