// wllama: llama.cpp in wasm, a prompt and its continuation, of the same GGUF.
import { LoggerWithoutDebug, Wllama } from '/bench/node_modules/@wllama/wllama/esm/index.js';
import { prompt } from './work.mjs';

export async function open({ base, tokens, more }) {
  const w = new Wllama({ default: '/bench/node_modules/@wllama/wllama/esm/wasm/wllama.wasm' }, { suppressNativeLog: true, logger: LoggerWithoutDebug });
  const file = await (await fetch(base)).blob();
  await w.loadModel([file], { n_ctx: 2 * (tokens + more), n_gpu_layers: 0, n_threads: navigator.hardwareConcurrency });
  let round = 0;
  const sample = async () => {
    let [first, pieces, used] = [0, 0, null];
    mark();
    const start = performance.now();
    const stream = await w.createCompletion({ prompt: prompt(tokens, round++), max_tokens: more, temperature: 0, ignore_eos: true, cache_prompt: false, stream: true });
    for await (const chunk of stream) {
      first ||= performance.now();
      pieces++;
      used = chunk.usage ?? used;
    }
    const end = performance.now();
    mark();
    if (used && used.prompt_tokens !== tokens) throw new Error(`the prompt has ${used.prompt_tokens} tokens, want ${tokens}`);
    if (pieces < more) throw new Error(`${pieces} pieces of text, want ${more}`);
    return { prefill: (tokens / (first - start)) * 1e3, decode: ((more - 1) / (end - first)) * 1e3 };
  };
  await sample();
  return { about: { device: `${w.getNumThreads()} threads` }, sample };
}
