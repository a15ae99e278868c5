// Reading and writing safetensors, as much as the golden vectors need.

/** Gives {name: {shape, data}}: F32 as Float32Array, I64 as numbers. */
export function read(bytes) {
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const size = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, size)));
  delete header.__metadata__;
  for (const name in header) {
    const { dtype, shape, data_offsets } = header[name];
    const part = buffer.slice(8 + size + data_offsets[0], 8 + size + data_offsets[1]);
    header[name] = { shape, data: dtype === 'I64' ? Array.from(new BigInt64Array(part), Number) : new Float32Array(part) };
  }
  return header;
}

/** Writes F32 tensors. */
export function write(tensors) {
  const header = {};
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] };
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - (text.length % 8)) % 8);
  const out = new Uint8Array(8 + text.length + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(new TextEncoder().encode(text), 8);
  let at = 8 + text.length;
  for (const { data } of Object.values(tensors)) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return out;
}
