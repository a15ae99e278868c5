// Clipping by the global norm: norm [1], and the optimiser's numbers h, whose
// fifth is the clip (0: off). Finite is told by exponent bits: WGSL may assume
// that NaN does not happen.
fn finite() -> bool { return (bitcast<u32>(norm[0]) & 0x7f800000u) != 0x7f800000u; }
fn clip() -> f32 {
  if (h[4] > 0.0) { return min(1.0, h[4] / (norm[0] + 1e-6)); }
  return 1.0;
}
