// The golden vectors as the JS API wants them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './server.mjs';
import { read, write } from './safetensors.mjs';

/** Where the vectors lie, on the tests' server and on disk. */
export const at = '/testdata/golden/mhr/llama_gqa/';

export const tensors = (name) => read(readFileSync(path.join(root, at, name)));
export const json = (name) => JSON.parse(readFileSync(path.join(root, at, name), 'utf8'));

/** All batches' rows in order, without their padding. */
export function rows() {
  const b = tensors('batches.safetensors');
  const width = b.input_ids.shape[2];
  return b.task_ids.data.map((task_id, r) => {
    const cut = (t) => t.data.slice(r * width, (r + 1) * width).filter((_, c) => b.attention_mask.data[r * width + c]);
    return { input_ids: cut(b.input_ids), labels: cut(b.labels), task_id };
  });
}

/**
 * The inventory of one case; with logits, its router is one task with these
 * rows: the fresh router of the z run can then be named as task:0.
 */
export function inventory(split, logits) {
  const dir = `${split}/adapter_init/`;
  const config = json(dir + 'adapter_config.json');
  const model = tensors(dir + 'adapter_model.safetensors');
  if (logits) {
    Object.assign(model, logits);
    config.n_tasks = 1;
  }
  return [
    { name: 'adapter_config.json', bytes: new TextEncoder().encode(JSON.stringify(config)) },
    { name: 'adapter_model.safetensors', bytes: write(model) },
  ];
}

/** The README's tolerance for trained tensors: few elements off, none far. */
export function compare(got, want) {
  let count = 0;
  let off = 0;
  let worst = 0;
  for (const [name, w] of Object.entries(want)) {
    const g = got[name];
    if (!g) return `${name} is missing`;
    const most = name.endsWith('module_logits') ? 5e-3 : 2e-3;
    for (let i = 0; i < w.data.length; i++) {
      const d = Math.abs(g.data[i] - w.data[i]);
      if (!(d <= most)) return `${name}[${i}]: got ${g.data[i]}, want ${w.data[i]}`;
      count++;
      off += d > 1e-4;
      worst = Math.max(worst, d);
    }
  }
  return off / count <= 0.002 ? '' : `${off} of ${count} elements are off, at most by ${worst}`;
}
