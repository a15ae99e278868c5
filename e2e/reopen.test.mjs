// A second model after the first: in one engine, and on the page. What cannot
// be opened leaves the open one alone, with what was learned on it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { open, skip } from './lib/browser.mjs';
import { install, packed } from './lib/bytes.mjs';
import { root } from './lib/server.mjs';
import * as golden from './lib/golden.mjs';
import { read, write } from './lib/safetensors.mjs';

const bytes = (name) => readFileSync(path.join(root, golden.at, name));
const utf8 = (text) => new TextEncoder().encode(text);
const model = bytes('model.safetensors');
const config = JSON.parse(bytes('config.json'));
const inventory = golden.inventory('s4');

/** The golden base with parts of it changed. */
const base = ({ weights = model, ...keys } = {}) => [
  { name: 'config.json', bytes: utf8(JSON.stringify({ ...config, ...keys })) },
  { name: 'model.safetensors', bytes: weights },
];

/** The golden inventory with other target_modules. */
const aimed = (target_modules) =>
  inventory.map((f) => (f.name === 'adapter_config.json' ? { ...f, bytes: utf8(JSON.stringify({ ...JSON.parse(new TextDecoder().decode(f.bytes)), target_modules })) } : f));

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await install(page);
  await page.evaluate(async ({ rows, good, skills }) => {
    Object.assign(window, await import('/rpc.mjs'), await import('/inputs.mjs'), { rows: rows.map((r) => JSON.stringify(r)).join('\n') });
    window.tell = (e) => ({ kind: e.kind, message: e.message });
    window.openIn = (engine, base, inventory, options) => {
      const blobs = [];
      const params = { base: folder('base', files(base), blobs), inventory: inventory && folder('inventory', files(inventory), blobs), device: { kind: 'cpu' } };
      return engine.call('open', params, { blobs, ...options }).then(({ data }) => data);
    };
    window.engine = new Engine('/engine-worker.js');
    window.first = await openIn(engine, good, skills);
    window.fit = (await engine.call('adapt', { examples: rows.slice(0, 8).map((r) => JSON.stringify(r)).join('\n'), method: 'z', steps: 2 })).data;
    window.score = async () => (await engine.call('score', { examples: window.rows, adapter: fit.id })).data.loss;
  }, { rows: golden.rows(), good: packed(base()), skills: packed(inventory) });
});
after(() => it?.close());

test('a model that cannot be opened leaves the open one alone', { skip }, async () => {
  const cases = [
    [base({ weights: model.subarray(0, 5000) }), inventory, 'input', /model\.safetensors/],
    [base({ hidden_size: 64 }), inventory, 'input', /embed_tokens/],
    [base({ model_type: 'mamba' }), inventory, 'unsupported', /mamba/],
    [base({ attention_bias: true }), inventory, 'unsupported', /attention_bias/],
    [[{ name: 'model.gguf', bytes: utf8('GGUF\x03\0\0\0') }], inventory, 'input', /model\.gguf/],
    [base(), inventory.slice(0, 1), 'input', /adapter_model\.safetensors/],
    [base(), aimed(['q_proj']), 'input', /target_modules/],
    [base(), aimed('('), 'input', /regex/],
  ];
  const got = await page.evaluate(async (cases) => {
    const before = await score();
    const faults = [];
    for (const [b, i] of cases) faults.push(await openIn(engine, b, i).then(() => null, tell));
    return { before, after: await score(), faults, info: (await engine.call('info')).data };
  }, cases.map(([b, i]) => [packed(b), packed(i)]));
  cases.forEach(([, , kind, says], i) => {
    assert.ok(got.faults[i], `case ${i} was opened`);
    assert.equal(got.faults[i].kind, kind, got.faults[i].message);
    assert.match(got.faults[i].message, says);
  });
  assert.equal(got.after, got.before);
  assert.deepEqual(got.info, await page.evaluate(() => first));
});

test('a model that can be opened takes its place', { skip }, async () => {
  const tensors = read(model);
  for (const name in tensors) if (/layers\.1\./.test(name)) delete tensors[name];
  const got = await page.evaluate(async (base) => {
    const info = await openIn(engine, base);
    const gone = await engine.call('score', { examples: rows, adapter: fit.id }).catch(tell);
    const { loss } = (await engine.call('score', { examples: rows, adapter: 'base' })).data;
    return { info, gone, loss };
  }, packed(base({ weights: write(tensors), num_hidden_layers: 1 })));
  assert.deepEqual([got.info.layers, got.info.inventory], [1, null]);
  assert.match(got.gone.message, /no fine-tune/);
  assert.ok(got.loss > 0);
});

test('NaN in the weights is a fault of its tensor at first use', { skip }, async () => {
  const tensors = read(model);
  tensors['model.layers.1.mlp.up_proj.weight'].data.fill(NaN, 7, 10);
  const fault = await page.evaluate(async ({ base, skills }) => {
    await openIn(engine, base, skills);
    return engine.call('adapt', { examples: rows, method: 'z', steps: 1 }).catch(tell);
  }, { base: packed(base({ weights: write(tensors) })), skills: packed(inventory) });
  assert.equal(fault.kind, 'input', fault.message);
  assert.match(fault.message, /model\.layers\.1\.mlp\.up_proj\.weight: 3 of 2048 values/);
});

test('patterns as Python writes them; one without end can be left', { skip }, async () => {
  const got = await page.evaluate(async ({ base, python, hostile }) => {
    const info = await openIn(engine, base, python);
    const stuck = new Engine('/engine-worker.js');
    const opening = openIn(stuck, base, hostile).catch(tell);
    const early = await Promise.race([opening, new Promise((r) => setTimeout(r, 1500, 'still at it'))]);
    stuck.close();
    return { sites: info.inventory.sites, early, fault: await opening };
  }, { base: packed(base()), python: packed(aimed('(?!.*lm_head).*proj')), hostile: packed(aimed('(?!x)(([a-z._0-9]+)+)+!')) });
  assert.equal(got.sites, 14);
  assert.equal(got.fault.kind, got.early === 'still at it' ? 'cancelled' : 'input', got.fault.message);
});

test('the page keeps its model and its result', { skip: skip || (existsSync(path.join(root, 'dist/site/index.html')) ? false : 'no page in dist/site: run `make build`') }, async () => {
  it.answers.set('/models/manifest.json', (_, response) => response.end('[]'));
  const p = await it.page('/');
  const button = (name) => p.getByRole('button', { name, exact: true });
  const load = () => p.getByRole('button', { name: /^Load/ }).click();
  const picked = (list) => list.map(({ name, bytes }) => ({ name, mimeType: '', buffer: Buffer.from(bytes) }));
  const exportable = () => p.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled));
  await p.locator('#device').selectOption('cpu');
  await p.locator('#model-files').setInputFiles(picked(base()));
  await p.locator('#model-files').setInputFiles(picked(inventory));
  await load();
  await p.getByTestId('device-name').getByText(/Go/).waitFor();
  await p.getByTestId('examples-input').fill(golden.rows().map((row) => JSON.stringify(row)).join('\n'));
  await p.getByTestId('steps-input').fill('3');
  await button('Adapt').click();
  await exportable();
  await p.locator('#model-files').setInputFiles(picked(base({ weights: model.subarray(0, 5000) })));
  await load();
  await p.getByTestId('fault').getByText(/model\.safetensors/).waitFor();
  await exportable();
  const [download] = await Promise.all([p.waitForEvent('download'), button('Export').click()]);
  assert.ok(readFileSync(await download.path()).length > 1000);
});
