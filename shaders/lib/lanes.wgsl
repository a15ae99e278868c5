// Work on rows. With LANES > 1 a workgroup of that many threads shares a row
// and sums through workgroup memory; with LANES = 1 each of the WG threads of
// a workgroup has a row of its own and a sum is what it has: no barrier, which
// is what adapters that compute on a CPU want. WG = LANES in the first case.
//!include fold
const LANES = ${LANES}u;
//!if LANES=1
fn row_of(wg: vec3<u32>, grid: vec3<u32>, li: u32) -> u32 { return fold(wg, grid) * ${WG}u + li; }
fn lane_of(li: u32) -> u32 { return 0u; }
fn sum4(v: vec4<f32>, lane: u32) -> vec4<f32> { return v; }
fn sum(v: f32, lane: u32) -> f32 { return v; }
fn most(v: f32, lane: u32) -> f32 { return v; }
//!else
var<workgroup> shared4: array<vec4<f32>, ${LANES}>;
fn row_of(wg: vec3<u32>, grid: vec3<u32>, li: u32) -> u32 { return fold(wg, grid); }
fn lane_of(li: u32) -> u32 { return li; }
fn sum4(v: vec4<f32>, lane: u32) -> vec4<f32> {
  shared4[lane] = v;
  workgroupBarrier();
  for (var s = LANES / 2u; s > 0u; s = s >> 1u) {
    if (lane < s) { shared4[lane] = shared4[lane] + shared4[lane + s]; }
    workgroupBarrier();
  }
  let r = shared4[0];
  workgroupBarrier();
  return r;
}
fn sum(v: f32, lane: u32) -> f32 { return sum4(vec4<f32>(v, 0.0, 0.0, 0.0), lane).x; }
fn most(v: f32, lane: u32) -> f32 {
  shared4[lane] = vec4<f32>(v, 0.0, 0.0, 0.0);
  workgroupBarrier();
  for (var s = LANES / 2u; s > 0u; s = s >> 1u) {
    if (lane < s) { shared4[lane].x = max(shared4[lane].x, shared4[lane + s].x); }
    workgroupBarrier();
  }
  let r = shared4[0].x;
  workgroupBarrier();
  return r;
}
//!end
