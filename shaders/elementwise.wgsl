// graph.KindAdd, KindScaleBy, KindGatedAct, KindReLU and KindUnlikelihood with
// their gradients: 4 elements a thread. σ's argument is clamped, so that exp
// stays finite.
struct P { n: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
//!if !ONE
@group(0) @binding(1) var<storage, read> b: array<f32>;
//!end
//!if THREE
@group(0) @binding(2) var<storage, read> c: array<f32>;
//!end
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: P;
//!include _grid

fn sigmoid(v: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(v, -80.0, 80.0))); }

// A gate is x·σ(inner(x)); slope is inner's derivative.
//!if GELU
fn inner(v: f32) -> f32 { return 1.5957691216057308 * (v + 0.044715 * v * v * v); }
fn slope(v: f32) -> f32 { return 1.5957691216057308 * (1.0 + 0.134145 * v * v); }
//!end
//!if !GELU
fn inner(v: f32) -> f32 { return v; }
fn slope(v: f32) -> f32 { return 1.0; }
//!end

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nw: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = element(wid, nw, lid) * 4u;
  for (var i = first; i < min(first + 4u, p.n); i++) {
//!if OP_ADD
    y[i] = a[i] + b[i];
//!end
//!if OP_SCALE
    y[i] = a[i] * b[0];
//!end
//!if OP_GATED
    y[i] = a[i] * sigmoid(inner(a[i])) * b[i];
//!end
//!if OP_GATED_GRAD
    let s = sigmoid(inner(a[i]));
    y[i] = c[i] * b[i] * s * (1.0 + a[i] * (1.0 - s) * slope(a[i]));
//!end
//!if OP_RELU
    y[i] = max(a[i], 0.0);
//!end
//!if OP_RELU_GRAD
    y[i] = select(0.0, b[i], a[i] > 0.0);
//!end
//!if OP_UNLIKELY
    y[i] = -log(1.01 - exp(-a[i]));
//!end
//!if OP_UNLIKELY_GRAD
    let e = exp(-a[i]);
    y[i] = -b[i] * e / (1.01 - e);
//!end
  }
}
