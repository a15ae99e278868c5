// graph.KindAdafactor, first part: the averages of squared gradients. ROW and
// COL move an average towards the mean of g² + ε1 over a row or a column of
// its block; MEAN is the mean of row over a block.
struct P { n: u32, rows: u32, cols: u32 }
//!if !MEAN
@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> norm: array<f32>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
//!end
//!if MEAN
@group(0) @binding(0) var<storage, read> row: array<f32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _rows
//!if !MEAN
//!include _clip
//!end

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let at = rowOf(wid, nw, lid);
  if (at >= p.n) { return; }
  let lane = laneOf(lid);
  var s = 0.0;
//!if MEAN
  for (var j = lane; j < p.rows; j += LANES) { s += row[at * p.rows + j]; }
  s = total(s, lane) / f32(p.rows);
  if (lane == 0u) { y[at] = s; }
//!end
//!if !MEAN
  let c = clip();
//!if ROW
  for (var j = lane; j < p.cols; j += LANES) {
    let x = c * g[at * p.cols + j];
    s += fma(x, x, h[6]);
  }
  s = total(s, lane) / f32(p.cols);
//!end
//!if COL
  let first = at / p.cols * p.rows * p.cols + at % p.cols;
  for (var j = lane; j < p.rows; j += LANES) {
    let x = c * g[first + j * p.cols];
    s += fma(x, x, h[6]);
  }
  s = total(s, lane) / f32(p.rows);
//!end
  if (lane == 0u && finite()) { y[at] = h[2] * y[at] + (1.0 - h[2]) * s; }
//!end
}
