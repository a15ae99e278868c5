// The number of a workgroup in a grid that is folded to two axes where it has
// more than 65,535 workgroups.
fn fold(wg: vec3<u32>, grid: vec3<u32>) -> u32 { return wg.x + wg.y * grid.x; }
