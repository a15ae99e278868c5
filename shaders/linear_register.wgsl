// graph.KindLinear, y = x·Wᵀ, and KindLinearT, y = x·W, without workgroup
// memory: each thread keeps ROWS × 4·FOURS sums in registers. For adapters that
// compute on a CPU, where a barrier costs more than reading again and a read more
// than a product, and where an array with a counted index is no register: sums
// have names, s of row, four and element. VEC: rows of x, and those of W as they
// are stored, are whole fours, of which a round takes EACH.
//!include _linear

@compute @workgroup_size($WIDE, $HIGH)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let o = id.x * 4u * $FOURSu;
  let i = id.y * $ROWSu;
  if (o >= p.n || i >= p.m) { return; }
//!for r ROWS
  let r$r = min(i + $ru, p.m - 1u) * p.ldx + p.x0;
//!for q FOURS
  var s$r_$q_0 = 0.0; var s$r_$q_1 = 0.0; var s$r_$q_2 = 0.0; var s$r_$q_3 = 0.0;
//!end
//!end
//!if !VEC
  for (var k = 0u; k < p.k; k++) {
//!for r ROWS
    let x$r = x[r$r + k];
//!end
//!for q FOURS
//!for e 4
    {
      let c = min(o + 4u * $qu + $eu, p.n - 1u);
//!if !TRANSPOSED
      let v = wload(c * p.k + k);
//!end
//!if TRANSPOSED
      let v = wload(k * p.n + c);
//!end
//!for r ROWS
      s$r_$q_$e += x$r * v;
//!end
    }
//!end
//!end
  }
//!end
//!if VEC
  for (var k = 0u; k < p.k; k += 4u * $EACHu) {
//!for r ROWS
//!for t EACH
    let x$t_$r = x[(r$r + k) / 4u + $tu];
//!end
//!end
//!for q FOURS
//!if TRANSPOSED
    // W is [k, n]: four of its rows give four columns.
//!for t EACH
    let w$t_$q = (k + 4u * $tu) * p.n + min(o + 4u * $qu, p.n - 4u);
    let u$t_$q = transpose(mat4x4<f32>(wload4(w$t_$q), wload4(w$t_$q + p.n), wload4(w$t_$q + 2u * p.n), wload4(w$t_$q + 3u * p.n)));
//!end
//!end
//!for e 4
    {
//!for t EACH
//!if TRANSPOSED
      let v$t = u$t_$q[$e];
//!end
//!if !TRANSPOSED
      let v$t = wload4(min(o + 4u * $qu + $eu, p.n - 1u) * p.k + k + 4u * $tu); // W is [n, k]
//!end
//!end
//!for r ROWS
//!for t EACH
      s$r_$q_$e += dot(x$t_$r, v$t);
//!end
//!end
    }
//!end
//!end
  }
//!end
  var sums = array<f32, $SUMS>(
//!for r ROWS
//!for q FOURS
    s$r_$q_0, s$r_$q_1, s$r_$q_2, s$r_$q_3,
//!end
//!end
  );
  for (var r = 0u; r < $ROWSu; r++) {
    for (var c = 0u; c < 4u * $FOURSu; c++) {
      if (i + r < p.m && o + c < p.n) { finish(i + r, o + c, sums[4u * $FOURSu * r + c]); }
    }
  }
}
