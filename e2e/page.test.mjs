// The page as a person meets it: opened, given a model and examples, trained,
// stopped, exported. Found by roles and names, as assistive tools find things.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { open, settles, skip as noBrowser } from './lib/browser.mjs';
import { baseModel, noModel, root } from './lib/server.mjs';
import * as golden from './lib/golden.mjs';
import { entries } from './lib/zip.mjs';

const skip = noBrowser || (existsSync(path.join(root, 'dist/site/index.html')) ? false : 'no page in dist/site: run `make build`');
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let it, page;
const violations = [];
before(async () => {
  if (skip) return;
  it = await open();
  it.answers.set('/models/manifest.json', (_, response) => response.end('[]'));
  page = await it.page('/');
  page.on('console', (message) => /Content Security Policy/.test(message.text()) && violations.push(message.text()));
  await page.getByRole('heading', { name: 'Handful', level: 1 }).waitFor();
});
afterEach(() => assert.deepEqual(violations, []));
after(() => it?.close());

const dir = path.join(root, golden.at);
const files = (...names) => names.map((name) => path.join(dir, name));
const button = (name) => page.getByRole('button', { name, exact: true });
const hook = (id) => page.getByTestId(id);

async function accessible() {
  await page.evaluate(readFileSync(axe, 'utf8')); // a script element would break the page's policy
  const found = await page.evaluate(async () => (await window.axe.run()).violations);
  assert.deepEqual(found.map((v) => `${v.id}: ${v.nodes[0].html}`), []);
}

test('it opens with a model and says what to do', { skip }, async () => {
  await page.getByText('Add examples in step 2.').waitFor();
  await settles(() => hook('model-select').inputValue(), 'pocket');
  await settles(() => button('Adapt').isDisabled(), true);
  await settles(() => button('Stop').isDisabled(), true);
  assert.equal(await hook('fault').innerText(), '');
});

test('the JS API is on window', { skip }, async () => {
  assert.deepEqual(
    await page.evaluate(() => [typeof window.createHandful, window.createHandful === window.handful.createHandful, typeof window.handful.HandfulError]),
    ['function', true, 'function'],
  );
});

test('a wrong file is a fault in words, and goes away', { skip }, async () => {
  await page.locator('#model-files').setInputFiles({ name: 'model.gguf', mimeType: '', buffer: Buffer.from('<html>not a model</html>') });
  await page.getByRole('button', { name: /^Load/ }).click();
  await hook('fault').getByText(/GGUF/).waitFor();
  await button('Dismiss').click();
  assert.equal(await hook('fault').innerText(), '');
});

test('from files to an exported adapter, with no request while it trains', { skip }, async () => {
  await page.locator('#device').selectOption('cpu');
  await page.locator('#model-files').setInputFiles(files('config.json', 'model.safetensors'));
  await page.locator('#model-files').setInputFiles(files('s4/adapter_init/adapter_config.json', 's4/adapter_init/adapter_model.safetensors'));
  await page.getByRole('button', { name: /^Load/ }).click();
  await hook('device-name').getByText(/Go/).waitFor();
  const rows = golden.rows();
  await hook('examples-input').fill(rows.map((row) => JSON.stringify(row)).join('\n'));
  await page.getByText(/40 examples/).waitFor();
  await hook('method-select').selectOption('z');
  await hook('steps-input').fill('30');
  const asked = it.requests.length;
  await button('Adapt').click();
  await page.getByRole('progressbar').first().waitFor();
  await page.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled));
  assert.equal(it.requests.length, asked, `asked for ${it.requests.slice(asked)}`);
  assert.ok((await hook('loss-chart').locator('svg path, svg polyline').count()) > 0);
  assert.ok((await hook('routing-map').locator('svg').count()) > 0);
  const [download] = await Promise.all([page.waitForEvent('download'), button('Export').click()]);
  const names = entries(readFileSync(await download.path()));
  for (const name of ['adapter_config.json', 'adapter_model.safetensors', 'lora/adapter_config.json', 'routing.json', 'train.jsonl']) {
    assert.ok(Object.keys(names).some((n) => n.endsWith(name)), `${name} in ${Object.keys(names)}`);
  }
  await accessible();
});

test('Stop stops, and what was learned is kept', { skip }, async () => {
  await hook('steps-input').fill('3000');
  await button('Adapt').click();
  await page.getByText(/Step [1-9]\d* of/).waitFor();
  await button('Stop').click();
  await page.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled), null, { timeout: 5000 });
  assert.equal(await hook('fault').innerText(), '');
});

test('with no room left in the browser it adapts all the same, and says that nothing is kept', { skip }, async () => {
  const full = await it.another();
  const p = await full.page();
  const cdp = await full.context.newCDPSession(p);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: it.origin, quotaSize: 1000 });
  await p.goto(it.origin + '/');
  await p.getByRole('button', { name: 'walk → walks', exact: true }).click();
  await p.getByRole('button', { name: 'Adapt', exact: true }).click();
  await p.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor();
  await p.getByTestId('fault').getByText('library: this browser has no room left for the page').waitFor();
  const [download] = await Promise.all([p.waitForEvent('download'), p.getByRole('button', { name: 'Export', exact: true }).click()]);
  assert.ok(entries(readFileSync(await download.path()))['adapter_model.safetensors'] > 0);
  await full.close();
});

test('the real model: a sample task, a better label, an answer that streams', { skip: skip || noModel }, async () => {
  const size = statSync(path.join(root, baseModel)).size;
  it.answers.set('/models/manifest.json', (_, response) => response.end(JSON.stringify([{ id: 'base', name: 'SmolLM2-135M', file: '../base.gguf', bytes: size, licence: 'Apache-2.0' }])));
  await page.reload();
  await hook('model-select').selectOption('base');
  await page.locator('#device').selectOption('cpu');
  await hook('examples-input').fill(['red => colour', 'seven => number', 'blue => colour', 'two => number', 'green => colour', 'nine => number', 'black => colour', 'ten => number'].join('\n'));
  await hook('method-select').selectOption('mu');
  await hook('steps-input').fill('6');
  await button('Adapt').click();
  await page.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor({ timeout: 180_000 });
  await page.getByRole('textbox', { name: 'Input' }).fill('yellow');
  await button('Try it').click();
  await hook('try-output').getByText('colour').waitFor();
  assert.equal(await hook('fault').innerText(), '');
  await accessible();
});
