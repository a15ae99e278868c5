// Work on rows. WIDE: the 64 threads of a workgroup share a row and meet in
// workgroup memory. Otherwise each thread has a row of its own: no barrier,
// which is what narrow rows and adapters that compute on a CPU want.
//!include _grid
//!if WIDE
const LANES = 64u;
var<workgroup> part: array<f32, 64>;
fn rowOf(wid: vec3<u32>, nw: vec3<u32>, lid: u32) -> u32 { return wid.y * nw.x + wid.x; }
fn laneOf(lid: u32) -> u32 { return lid; }
fn total(v: f32, lane: u32) -> f32 {
  workgroupBarrier(); // until the last sum has been read
  part[lane] = v;
  workgroupBarrier();
  var s = 0.0;
  for (var j = 0u; j < 64u; j++) { s += part[j]; }
  return s;
}
fn largest(v: f32, lane: u32) -> f32 {
  workgroupBarrier();
  part[lane] = v;
  workgroupBarrier();
  var s = part[0];
  for (var j = 1u; j < 64u; j++) { s = max(s, part[j]); }
  return s;
}
//!end
//!if !WIDE
const LANES = 1u;
fn rowOf(wid: vec3<u32>, nw: vec3<u32>, lid: u32) -> u32 { return element(wid, nw, lid); }
fn laneOf(lid: u32) -> u32 { return 0u; }
fn total(v: f32, lane: u32) -> f32 { return v; }
fn largest(v: f32, lane: u32) -> f32 { return v; }
//!end
