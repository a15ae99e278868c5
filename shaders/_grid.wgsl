// One thread an element. More than 65,535 workgroups are folded into rows.
fn element(wid: vec3<u32>, nw: vec3<u32>, lid: u32) -> u32 {
  return (wid.y * nw.x + wid.x) * 64u + lid;
}
