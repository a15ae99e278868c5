// The golden vectors as the JS API wants them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './server.mjs';
import { read, write } from './safetensors.mjs';

/** The vectors of one model: a folder of testdata/golden/mhr. */
export function family(name) {
  /** Where they lie, on the tests' server and on disk. */
  const at = `/testdata/golden/mhr/${name}/`;
  const tensors = (file) => read(readFileSync(path.join(root, at, file)));
  const json = (file) => JSON.parse(readFileSync(path.join(root, at, file), 'utf8'));

  /** All batches' rows in order, without their padding. A T5's labels are its decoder's. */
  const rows = () => {
    const b = tensors('batches.safetensors');
    const row = (t, r) => t.data.slice(r * t.shape[2], (r + 1) * t.shape[2]);
    return b.task_ids.data.map((task_id, r) => {
      const mask = row(b.attention_mask, r);
      const cut = (t) => row(t, r).filter((_, c) => mask[c]);
      const labels = b.decoder_input_ids ? row(b.labels, r).filter((y) => y >= 0) : cut(b.labels);
      return { input_ids: cut(b.input_ids), labels, task_id };
    });
  };

  /**
   * The inventory of one case; with logits, its router is one task with these
   * rows: the fresh router of the z run can then be named as task:0.
   */
  const inventory = (split, logits) => {
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
  };

  /**
   * Rows with three answers each to choose from, as T-Few's loss takes them,
   * and PyTorch's numbers for them; each answer also as a row of its own.
   */
  const tfew = () => {
    const cut = (t, pad) => {
      const width = t.shape.at(-1);
      return Array.from({ length: t.data.length / width }, (_, i) => Array.from(t.data.slice(i * width, (i + 1) * width), Number).filter((id) => id > pad));
    };
    const t5 = name.startsWith('t5');
    const f = t5 ? tensors('s4/tfew_align.safetensors') : read(readFileSync(path.join(root, 'core/tune/testdata/tfew.safetensors')));
    const gold = Array.from(f[t5 ? 'tfew.labels' : 'gold'].data, Number);
    const options = cut(f[t5 ? 'tfew.answer_choices_ids' : 'answers'], t5 ? 0 : -1);
    const prompts = t5 ? rows().slice(0, gold.length) : cut(f.prompt, -1).map((input_ids, i) => ({ input_ids, task_id: Number(f.task.data[i]) }));
    const answered = ({ input_ids, task_id }, answer) =>
      t5 ? { input_ids, labels: answer, task_id } : { input_ids: [...input_ids, ...answer], labels: [...input_ids.map(() => -100), ...answer], task_id };
    const of = (i) => options.slice(3 * i, 3 * i + 3);
    return {
      rows: prompts.map((p, i) => ({ ...answered(p, of(i)[gold[i]]), options: of(i) })),
      each: prompts.flatMap((p, i) => of(i).map((answer) => answered(p, answer))),
      scores: f[t5 ? 'tfew.choices_scores' : 'scores'].data,
      loss: f[t5 ? 'tfew.loss' : 'loss'].data[0],
      gradNorm: f.grad_norm?.data[0],
    };
  };
  return { name, at, tensors, json, rows, inventory, tfew };
}

/** Those of the Llama, which most tests go by. */
export const { at, tensors, json, rows, inventory } = family('llama_gqa');

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
