struct P { m: u32, n: u32, k: u32, ldx: u32, ldy: u32, x0: u32, y0: u32, acc: u32, last: u32, tasks: u32, rank: u32, scale: f32 }
//!if VEC
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
//!end
//!if !VEC
@group(0) @binding(0) var<storage, read> x: array<f32>;
//!end
//!if W4
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;
//!end
//!if !W4
@group(0) @binding(1) var<storage, read> w: array<u32>;
//!end
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: P;
//!if ADD
@group(0) @binding(4) var<storage, read> add: array<f32>;
//!end
//!if ROUTED
@group(0) @binding(5) var<storage, read> h: array<f32>;
@group(0) @binding(6) var<storage, read> m: array<f32>;
@group(0) @binding(7) var<storage, read> slot: array<i32>;
//!end
//!include _weight
//!include _epilogue
