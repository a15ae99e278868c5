// graph.KindRouted y[n] = scale·x[n]·M[slot], KindRoutedT with M transposed:
// one thread an element; the inner size is a rank or a layer's width.
struct P { rows: u32, inner: u32, cols: u32, tasks: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read> slot: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _grid

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = element(wid, nw, lid);
  if (e >= p.rows * p.cols) { return; }
  let i = e / p.cols;
  let o = e % p.cols;
  let t = slot[i];
  var s = 0.0;
  if (t >= 0 && u32(t) < p.tasks) {
    for (var k = 0u; k < p.inner; k++) {
//!if TRANSPOSED
      s = fma(x[i * p.inner + k], m[(u32(t) * p.cols + o) * p.inner + k], s);
//!end
//!if !TRANSPOSED
      s = fma(x[i * p.inner + k], m[(u32(t) * p.inner + k) * p.cols + o], s);
//!end
    }
  }
  y[e] = p.scale * s;
}
