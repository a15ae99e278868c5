// Checkpoints that people already have: mttl's, several LoRAs, zips of them; and
// what others read.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { open, skip } from './lib/browser.mjs';
import { install, packed } from './lib/bytes.mjs';
import { root } from './lib/server.mjs';
import * as golden from './lib/golden.mjs';
import { read } from './lib/safetensors.mjs';
import { entries } from './lib/zip.mjs';

const mttl = 'core/format/mttl/testdata/';
const bytes = (name) => readFileSync(path.join(root, name));
const file = (name, from = name) => ({ name, bytes: bytes(from) });
const lora = (dir) => ['adapter_config.json', 'adapter_model.safetensors'].map((f) => file(`${dir}/${f}`, `${golden.at}s4/mhr_mu/adapter_init/${f}`));
const jsonl = bytes(`${mttl}rows.jsonl`).toString();

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await install(page);
  await page.evaluate(async (at) => {
    Object.assign(window, await import('/handful.mjs'));
    window.withSkills = (inventory, more) => createHandful({ base: at, inventory: inventory && files(inventory), device: 'cpu', ...more });
  }, golden.at);
});
after(() => it?.close());

/** Each row's loss by the logits that PyTorch computed: labels are the row after its first token. */
function losses(name) {
  const want = read(bytes(`${mttl}want.safetensors`));
  return jsonl.trim().split('\n').map((line, r) => {
    const { input_ids } = JSON.parse(line);
    const { data, shape } = want[`${name}.row${r}`];
    let sum = 0;
    for (let i = 1; i < input_ids.length; i++) {
      const row = data.subarray((i - 1) * shape[1], i * shape[1]);
      sum += Math.log(row.reduce((s, v) => s + Math.exp(v), 0)) - row[input_ids[i]];
    }
    return sum;
  });
}

test('checkpoints of mttl are inventories, to PyTorch’s numbers', { skip }, async () => {
  for (const [name, list] of [['fine', [file('x', mttl + 'fine.ckpt')]], ['coarse', [file('last.pt', mttl + 'coarse.pt')]],
    ['experts', ['mttl_weights.bin', 'mttl_config.json', 'mttl_args.bin'].map((f) => file(f, `${mttl}experts/${f}`))]]) {
    const got = await page.evaluate(async ({ list, jsonl }) => {
      const h = await withSkills(list);
      const score = await h.score({ examples: jsonl, adapter: 'routed' });
      await h.dispose();
      return score.rows.map((r) => r.nll_sum);
    }, { list: packed(list), jsonl });
    losses(name).forEach((want, r) => assert.ok(Math.abs(got[r] - want) < 1e-3, `${name}, row ${r}: ${got[r]}, want ${want}`));
  }
});

test('a pickle that wants to run is refused by the name of what', { skip }, async () => {
  const fault = await page.evaluate(async (list) => withSkills(list).catch((e) => ({ kind: e.kind, message: e.message })), packed([file('x.ckpt', 'core/format/torch/testdata/runs.pt')]));
  assert.equal(fault.kind, 'unsupported');
  assert.match(fault.message, /"builtins\.print"/);
});

test('several LoRAs are the skills of one inventory', { skip }, async () => {
  const info = await page.evaluate(async (list) => {
    const h = await withSkills(list);
    await h.dispose();
    return h.info.inventory;
  }, packed([...lora('ads'), ...lora('mail')]));
  assert.deepEqual([info.nSkills, info.taskNames], [2, ['ads', 'mail']]);
});

test('T5s in GGUF files give the logits of transformers, by file and by drop', { skip }, async () => {
  const at = 'core/format/hf/testdata/';
  const want = read(bytes(`${at}t5.safetensors`));
  for (const name of ['relu', 'gated']) {
    const ids = (key) => Array.from(want[`${name}.${key}`].data, Number);
    const said = ids('decoder_input_ids');
    const got = await page.evaluate(async ({ list, examples }) => {
      const [given] = files(list);
      const sorted = await sortFiles([given]);
      const h = await createHandful({ base: sorted.base, device: 'cpu' });
      const score = await h.score({ examples });
      const info = h.info;
      await h.dispose();
      return { loss: score.rows[0].nll_sum, info };
    }, { list: packed([file('x', `${at}t5_${name}.gguf`)]), examples: JSON.stringify({ input_ids: ids('input_ids'), labels: said.slice(1) }) });
    const { data, shape } = want[`${name}.logits`];
    let sum = 0;
    for (let i = 1; i < said.length; i++) {
      const row = data.subarray((i - 1) * shape[1], i * shape[1]);
      sum += Math.log(row.reduce((s, v) => s + Math.exp(v), 0)) - row[said[i]];
    }
    assert.ok(Math.abs(got.loss - sum) < 1e-3, `${name}: ${got.loss}, want ${sum}`);
    assert.deepEqual([got.info.encoderLayers, got.info.tokenizer], [2, true]);
  }
});

test('files are sorted by what is in them', { skip }, async () => {
  const list = [file('a', `${golden.at}config.json`), file('b', `${golden.at}model.safetensors`), file('c', mttl + 'coarse.pt'), ...lora('d')];
  const got = await page.evaluate(async (list) => {
    const s = await sortFiles(files(list));
    return [s.base, s.inventory].map((some) => some.map((f) => f.name));
  }, packed(list));
  assert.deepEqual(got, [['a', 'b'], ['c', 'd/adapter_config.json', 'd/adapter_model.safetensors']]);
});

test('a fine-tune leaves as a GGUF LoRA and as a whole model, which opens as a base', { skip }, async () => {
  const got = await page.evaluate(async ({ list, jsonl }) => {
    const h = await withSkills(list);
    const fit = await h.adapt({ examples: jsonl, method: 'z', steps: 3, seed: 1 });
    const lora = await fit.export({ to: 'gguf-lora' });
    const merged = await fit.export({ to: 'merged' });
    const wrong = await fit.export({ to: 'peft-ia3' }).catch((e) => e.kind);
    const before = await h.score({ examples: jsonl, adapter: fit });
    await h.dispose();
    const m = await createHandful({ base: merged.map(({ name, blob }) => new File([blob], name)), device: 'cpu' });
    const after = await m.score({ examples: jsonl });
    await m.dispose();
    return { lora: lora.map(({ name, blob }) => [name, blob.size]), head: await lora[0].blob.slice(0, 4).text(), merged: merged.map((f) => f.name), wrong,
      before: before.rows.map((r) => r.nll_sum), after: after.rows.map((r) => r.nll_sum) };
  }, { list: packed([file('fine.ckpt', mttl + 'fine.ckpt')]), jsonl });
  assert.deepEqual([got.lora[0][0], got.head, got.wrong], ['adapter.gguf', 'GGUF', 'input']);
  assert.ok(got.lora[0][1] > 1000);
  assert.deepEqual(got.merged.toSorted(), ['config.json', 'model.safetensors']);
  got.before.forEach((want, r) => assert.ok(Math.abs(got.after[r] - want) < 1e-3, `row ${r}: ${got.after[r]}, want ${want}`));
});

test('the page: a checkpoint of mttl beside a model, and the export as others read it', { skip }, async () => {
  it.answers.set('/models/manifest.json', (_, response) => response.end('[]'));
  const p = await it.page('/');
  const hook = (id) => p.locator(`[data-testid="${id}"]`);
  await p.locator('#device').selectOption('cpu');
  const pick = ({ name, bytes }) => ({ name, mimeType: '', buffer: bytes });
  await p.locator('#model-files').setInputFiles([file('1', `${golden.at}config.json`), file('2', `${golden.at}model.safetensors`), file('3', mttl + 'fine.ckpt')].map(pick));
  await p.getByRole('button', { name: /^Load/ }).click();
  await p.getByText('3 skills').waitFor();
  await hook('examples-input').fill(golden.rows().map((row) => JSON.stringify(row)).join('\n'));
  await hook('method-select').selectOption('z');
  await hook('steps-input').fill('4');
  await p.getByRole('button', { name: 'Adapt', exact: true }).click();
  await p.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor();
  await p.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled));
  for (const [format, name] of [['gguf-lora', 'adapter.gguf'], ['merged', 'model.safetensors']]) {
    await hook('export-format').selectOption(format);
    const [download] = await Promise.all([p.waitForEvent('download'), p.getByRole('button', { name: 'Export', exact: true }).click()]);
    const inside = entries(readFileSync(await download.path()));
    assert.ok(inside[name] > 1000, `${format}: ${JSON.stringify(inside)}`);
    await p.getByText('Saved.').waitFor();
  }
});
