// What is measured, beside whom, and what is to be reached.
//
// A measure has sides (lib/sides.mjs), ours first, and targets. A target
// compares a value of one side with that of a peer: ms is better small, prefill
// and decode (tokens a second) are better large, and reach is how many times
// better ours is to be. most bounds our peak memory in parts of the peer's, or
// without a peer in bytes.
import { readFileSync } from 'node:fs';
import { Asked, InBrowser, Program } from './lib/sides.mjs';
import { baseModel } from '../e2e/lib/server.mjs';

const inventory = 'assets/inventory/smollm2-135m-mhr';
const python = '.cache/venv/bin/python';

const pinned = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')).devDependencies;
const jax = `jax-js ${pinned['@jax-js/jax']}`;
const tfjs = `tfjs ${pinned['@tensorflow/tfjs']}`;
const wllama = `wllama ${pinned['@wllama/wllama']}`;
const ort = `onnxruntime-web ${pinned['onnxruntime-web']}, 4 bits`;

/** quick makes everything small: it shows that the harness works, and measures nothing. */
export function measures({ quick, small }) {
  const lora = { base: small, batch: 4, tokens: 64, steps: quick ? 1 : 5 };
  const ours = { kind: 'step', method: 'lora', rank: 8, alpha: 16, targets: ['q_proj', 'v_proj'], lr: 1e-3, schedule: 'constant', ...lora };
  const z = { batch: quick ? 2 : 8, tokens: quick ? 16 : 64, steps: quick ? 1 : 2 };
  const size = ['--method', 'z', '--rows', String(z.batch), '--tokens', String(z.tokens)];
  const text = { base: '/base.gguf', tokens: quick ? 32 : 128, more: quick ? 8 : 32 };
  const products = quick ? 1 : 4;
  const slow = 1; // steps of a peer that takes many seconds for one
  return [
    {
      name: 'lora-step',
      title: 'LoRA step, 4 layers, hidden 576, 4 × 64 tokens',
      values: ['ms'],
      sides: [
        new InBrowser('handful, cpu', 'handful.mjs', { device: 'cpu', ...ours }),
        new InBrowser(`${jax}, wasm`, 'jax-step.mjs', { ...lora, device: 'wasm', steps: slow }),
        new InBrowser(`${tfjs}, wasm`, 'tfjs-step.mjs', { ...lora, device: 'wasm', steps: slow }),
      ],
      targets: [jax, tfjs].map((peer) => ({ ours: 'handful, cpu', peer: `${peer}, wasm`, value: 'ms', reach: 5 })),
    },
    {
      name: 'lora-step-gpu',
      title: 'LoRA step, 4 layers, hidden 576, 4 × 64 tokens, WebGPU',
      values: ['ms'],
      sides: [
        new InBrowser('handful, WebGPU', 'handful.mjs', { device: 'gpu', ...ours, steps: slow }),
        new InBrowser(`${jax}, WebGPU`, 'jax-step.mjs', { ...lora, device: 'webgpu', steps: slow }),
      ],
      targets: [{ ours: 'handful, WebGPU', peer: `${jax}, WebGPU`, value: 'ms', reach: 3 }],
    },
    {
      name: 'smollm2-step',
      title: `SmolLM2-135M, MHR-z step, ${z.batch} × ${z.tokens} tokens`,
      values: ['ms'],
      sides: [
        new InBrowser('handful, browser cpu', 'handful.mjs', { kind: 'step', base: '/base.gguf', inventory: `/${inventory}/`, device: 'cpu', method: 'z', routerInit: 'mean', labelled: 0.25, ...z }),
        new Program('handful, native cpu', 'dist/handful', ['bench', 'step', '--json', '--device', 'cpu', '--base', baseModel, '--inventory', inventory, '--steps', String(z.steps), ...size]),
        new Asked('torch + PEFT, native', python, ['bench/peft_step.py', '--ask', '--steps', String(z.steps), ...size]),
      ],
      targets: [
        { ours: 'handful, browser cpu', peer: 'torch + PEFT, native', value: 'ms', reach: 1 / 2 },
        { ours: 'handful, browser cpu', peer: 'torch + PEFT, native', value: 'peakBytes', most: 1 / 3 },
        { ours: 'handful, native cpu', peer: 'torch + PEFT, native', value: 'ms', reach: 1 / 3 },
      ],
    },
    {
      name: 'smollm2-text',
      title: `SmolLM2-135M, ${text.tokens} tokens read and ${text.more} written, browser cpu`,
      values: ['prefill', 'decode'],
      sides: [
        new InBrowser('handful, cpu', 'handful.mjs', { kind: 'generate', device: 'cpu', ...text }),
        new InBrowser(wllama, 'wllama.mjs', text),
        new InBrowser(ort, 'ort.mjs', text),
      ],
      targets: [
        ...[wllama, ort].flatMap((peer) => ['prefill', 'decode'].map((value) => ({ ours: 'handful, cpu', peer, value, reach: 1.3 }))),
        { ours: 'handful, cpu', value: 'peakBytes', most: 450e6 },
      ],
    },
    {
      name: 'product-gpu',
      title: 'Product 512 × 576 × 1536, f32, WebGPU',
      values: ['ms'],
      sides: [
        new InBrowser('handful, WebGPU', 'handful-product.mjs', { device: { kind: 'gpu' }, products }),
        new InBrowser('by hand, registers', 'raw-product.mjs', { kernel: 'registers', products }),
        new InBrowser('by hand, tiles', 'raw-product.mjs', { kernel: 'tiled', products }),
        new InBrowser(`${jax}, WebGPU`, 'jax-product.mjs', { device: 'webgpu', products }),
        new InBrowser(`${tfjs}, WebGPU`, 'tfjs-product.mjs', { device: 'webgpu', products }),
      ],
      targets: [
        { ours: 'handful, WebGPU', peer: 'by hand, registers', value: 'ms', reach: 1 },
        { ours: 'handful, WebGPU', peer: 'by hand, tiles', value: 'ms', reach: 1 },
        { ours: 'handful, WebGPU', peer: `${jax}, WebGPU`, value: 'ms', reach: 3 },
      ],
    },
  ];
}
