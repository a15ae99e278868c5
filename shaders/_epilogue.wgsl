// finish(i, o, v) stores a product's element with what the graph fused to it:
// + add[i,o] + scale·Σ_r h[i,r]·M[slot[i]] (graph/op_linear.go). At the first
// piece of a split weight nothing is in y yet; epilogues come with the last.
fn finish(i: u32, o: u32, v: f32) {
  let at = i * p.ldy + p.y0 + o;
  var s = v;
  if (p.acc == 1u) { s += y[at]; }
//!if ADD
  if (p.last == 1u) { s += add[at]; }
//!end
//!if ROUTED
  let t = slot[i];
  if (p.last == 1u && t >= 0 && u32(t) < p.tasks) {
    var d = 0.0;
    for (var r = 0u; r < p.rank; r++) {
//!if TRANSPOSED
      d += h[i * p.rank + r] * m[(u32(t) * p.ldy + p.y0 + o) * p.rank + r];
//!end
//!if !TRANSPOSED
      d += h[i * p.rank + r] * m[(u32(t) * p.rank + r) * p.ldy + p.y0 + o];
//!end
    }
    s += p.scale * d;
  }
//!end
  y[at] = s;
}
