// Writes a Llama in ONNX: 4-bit weights in blocks of 32 (MatMulNBits), grouped
// attention with its cache and rotation (GroupQueryAttention), as
// onnxruntime-genai's builder lays models out. The weights are random.
//
// A file is a protobuf (onnx.proto); only the fields that are wanted are here.

const join = (parts) => {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) (out.set(p, at), (at += p.length));
  return out;
};
const varint = (n) => {
  const out = [];
  for (; n > 127; n = Math.floor(n / 128)) out.push((n % 128) | 128);
  return Uint8Array.from([...out, n]);
};
const int = (field, n) => join([varint(field * 8), varint(n)]);
const bytes = (field, b) => join([varint(field * 8 + 2), varint(b.length), b]);
const text = (field, s) => bytes(field, new TextEncoder().encode(s));
const float = (field, x) => join([varint(field * 8 + 5), new Uint8Array(Float32Array.of(x).buffer)]);

const [FLOAT, UINT8, INT32] = [1, 2, 6]; // TensorProto.DataType

/** AttributeProto: whole numbers and, where the name says so, floats. */
const attribute = ([name, value]) =>
  bytes(5, name === 'epsilon' || name === 'scale' ? join([text(1, name), float(2, value), int(20, 1)]) : join([text(1, name), int(3, value), int(20, 2)]));
const node = (op, inputs, outputs, attributes = {}, domain = '') =>
  bytes(1, join([...inputs.map((n) => text(1, n)), ...outputs.map((n) => text(2, n)), text(4, op), ...Object.entries(attributes).map(attribute), ...(domain ? [text(7, domain)] : [])]));
const tensor = (name, type, dims, data) =>
  bytes(5, join([...dims.map((d) => int(1, d)), int(2, type), text(8, name), bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]));
const value = (field, name, type, dims) => {
  const shape = join(dims.map((d) => bytes(1, typeof d === 'string' ? text(2, d) : int(1, d))));
  return bytes(field, join([text(1, name), bytes(2, bytes(1, join([int(1, type), bytes(2, shape)])))]));
};

/** The bytes of a model: ids, last and total with a cache of past keys and values, to logits and the new cache. */
export function llama({ layers, hidden, ffn, heads, kv, vocab, theta, eps, context }) {
  const size = hidden / heads;
  const graph = [];
  const add = (...part) => void graph.push(...part);

  const linear = (x, name, K, N) => {
    const blocks = K / 32;
    const packed = new Uint8Array((N * K) / 2);
    for (let i = 0; i < packed.length; i++) packed[i] = (i * 2654435761) >>> 13;
    add(
      tensor(`${name}.w`, UINT8, [N, blocks, 16], packed),
      tensor(`${name}.s`, FLOAT, [N * blocks], new Float32Array(N * blocks).fill(0.01)),
      node('MatMulNBits', [x, `${name}.w`, `${name}.s`], [name], { K, N, bits: 4, block_size: 32, accuracy_level: 4 }, 'com.microsoft'),
    );
    return name;
  };
  const ones = (name) => (add(tensor(name, FLOAT, [hidden], new Float32Array(hidden).fill(1))), name);
  const plus = (x, y, name) => {
    add(
      node('SkipSimplifiedLayerNormalization', [x, y, ones(`${name}.norm`)], [`${name}.normed`, '', '', name], { epsilon: eps }, 'com.microsoft'),
    );
    return [name, `${name}.normed`];
  };

  const angle = (f) => Float32Array.from({ length: (context * size) / 2 }, (_, i) => f(Math.floor(i / (size / 2)) * theta ** (-(i % (size / 2)) / (size / 2))));
  add(tensor('cos', FLOAT, [context, size / 2], angle(Math.cos)), tensor('sin', FLOAT, [context, size / 2], angle(Math.sin)));
  add(tensor('embed', FLOAT, [vocab, hidden], Float32Array.from({ length: vocab * hidden }, (_, i) => ((i * 7) % 13) / 13 - 0.5)));
  add(node('Gather', ['embed', 'ids'], ['x']), node('SimplifiedLayerNormalization', ['x', ones('first.norm')], ['h'], { epsilon: eps }));
  let [x, h] = ['x', 'h'];
  for (let i = 0; i < layers; i++) {
    const at = (name) => `${i}.${name}`;
    const [q, k, v] = [linear(h, at('q'), hidden, hidden), linear(h, at('k'), hidden, kv * size), linear(h, at('v'), hidden, kv * size)];
    add(node('GroupQueryAttention', [q, k, v, `past_key_${i}`, `past_value_${i}`, 'last', 'total', 'cos', 'sin'], [at('seen'), `new_key_${i}`, `new_value_${i}`],
      { num_heads: heads, kv_num_heads: kv, do_rotary: 1, scale: size ** -0.5 }, 'com.microsoft'));
    [x, h] = plus(x, linear(at('seen'), at('o'), hidden, hidden), at('attention'));
    const [gate, up] = [linear(h, at('gate'), hidden, ffn), linear(h, at('up'), hidden, ffn)];
    add(node('Sigmoid', [gate], [at('open')]), node('Mul', [gate, at('open')], [at('silu')]), node('Mul', [at('silu'), up], [at('wide')]));
    [x, h] = plus(x, linear(at('wide'), at('down'), ffn, hidden), at('block'));
  }
  add(tensor('end', INT32, [1], Int32Array.of(-1)), node('Gather', [h, 'end'], ['tail'], { axis: 1 })); // only the last token's scores are wanted
  linear('tail', 'logits', hidden, vocab);
  add(value(11, 'ids', INT32, [1, 'tokens']), value(11, 'last', INT32, [1]), value(11, 'total', INT32, [1]), value(12, 'logits', FLOAT, [1, 1, vocab]));
  for (let i = 0; i < layers; i++) {
    for (const of of ['key', 'value']) add(value(11, `past_${of}_${i}`, FLOAT, [1, kv, 'past', size]), value(12, `new_${of}_${i}`, FLOAT, [1, kv, 'all', size]));
  }
  const opset = (domain, version) => bytes(8, join([text(1, domain), int(2, version)]));
  return join([int(1, 8), bytes(7, join([text(2, 'llama'), ...graph])), opset('', 18), opset('com.microsoft', 1)]);
}
