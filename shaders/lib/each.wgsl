// Work on elements: a thread does PER vectors of four, WG apart, so that
// neighbours read neighbours. Arrays are padded to whole vectors.
//!include fold
fn first(wg: vec3<u32>, grid: vec3<u32>, li: u32) -> u32 { return fold(wg, grid) * (${PER}u * ${WG}u) + li; }
