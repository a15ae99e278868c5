// onnxruntime-web: a model of SmolLM2's shape in 4 bits, made here of random
// weights, for there is no file of it that can be had: a prompt and its
// continuation, token by token with a key-value cache.
import * as ort from '/bench/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs';
import { llama } from './onnx.mjs';

const shape = { layers: 30, hidden: 576, ffn: 1536, heads: 9, kv: 3, vocab: 49152, theta: 1e5, eps: 1e-5 };

export async function open({ tokens, more }) {
  ort.env.wasm.numThreads = navigator.hardwareConcurrency;
  ort.env.wasm.wasmPaths = '/bench/node_modules/onnxruntime-web/dist/';
  const session = await ort.InferenceSession.create(llama({ ...shape, context: 2 * (tokens + more) }), { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
  const sizes = [1, shape.kv, 0, shape.hidden / shape.heads];

  /** Feeds ids after what cache holds, and gives the likeliest next token with the new cache. */
  const feed = async (ids, past, cache) => {
    const int32 = (values, dims) => new ort.Tensor('int32', Int32Array.from(values), dims);
    const all = past + ids.length;
    const out = await session.run({ ids: int32(ids, [1, ids.length]), last: int32([all - 1], [1]), total: int32([all], [1]), ...cache });
    const scores = out.logits.data;
    let best = 0;
    for (let i = 1; i < scores.length; i++) if (scores[i] > scores[best]) best = i;
    const next = {};
    for (const [name, value] of Object.entries(out)) {
      if (name.startsWith('new_')) next[name.replace('new_', 'past_')] = value;
      else value.dispose();
    }
    for (const old of Object.values(cache)) old.dispose();
    return [best, next];
  };

  const sample = async () => {
    let cache = {};
    for (let i = 0; i < shape.layers; i++) for (const of of ['key', 'value']) cache[`past_${of}_${i}`] = new ort.Tensor('float32', new Float32Array(0), sizes);
    mark();
    const start = performance.now();
    let next;
    [next, cache] = await feed(Array.from({ length: tokens }, (_, i) => (i * 37) % shape.vocab), 0, cache);
    const first = performance.now();
    for (let i = 1; i < more; i++) [next, cache] = await feed([next], tokens + i - 1, cache);
    const end = performance.now();
    mark();
    for (const last of Object.values(cache)) last.dispose();
    return { prefill: (tokens / (first - start)) * 1e3, decode: ((more - 1) / (end - first)) * 1e3 };
  };
  await sample();
  return { about: { device: `wasm, ${ort.env.wasm.numThreads} threads` }, sample };
}
