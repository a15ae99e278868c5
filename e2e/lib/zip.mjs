// The names and sizes in a zip, from its central directory.
export function entries(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end > 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  const out = {};
  let at = view.getUint32(end + 16, true);
  for (let n = view.getUint16(end + 10, true); n > 0; n--) {
    const name = view.getUint16(at + 28, true);
    out[new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name))] = view.getUint32(at + 24, true);
    at += 46 + name + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return out;
}
