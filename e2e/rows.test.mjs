// Examples before they are trained on: tables of other columns, rows as the
// model sees them; and settings in the page's address.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { open, settles, skip as noBrowser } from './lib/browser.mjs';
import { root } from './lib/server.mjs';

const skip = noBrowser || (existsSync(path.join(root, 'dist/site/pocket/base/config.json')) ? false : 'no page in dist/site: run `make build`');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page('/?model=pocket&device=cpu&method=z&steps=4&lr=0.25&seed=abc&utm=1');
});
after(() => it?.close());

const button = (name) => page.getByRole('button', { name, exact: true });
const hook = (id) => page.getByTestId(id);
const query = () => page.evaluate(() => location.search);

async function clean() {
  await page.evaluate(axe);
  assert.deepEqual(await page.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`)), []);
}

test('the address gives model, device, method and settings; what it has wrong is one line', { skip }, async () => {
  await page.waitForFunction(() => document.querySelector('[data-testid=model-select]')?.value === 'pocket');
  await settles(() => hook('method-select').inputValue(), 'z');
  await settles(() => page.getByLabel('Device').inputValue(), 'cpu');
  await settles(() => hook('steps-input').inputValue(), '4');
  await settles(() => page.getByLabel('Learning rate').inputValue(), '0.25');
  await settles(() => page.getByLabel('Seed').inputValue(), '');
  const fault = await hook('fault').innerText();
  assert.match(fault, /left out seed=abc \(seed must be a whole number, 0 or more\), utm=1 \(no such setting\)/);
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await clean();
  await hook('method-select').selectOption('mu');
  await hook('steps-input').fill('3');
  assert.equal(await query(), '?model=pocket&device=cpu&steps=3&lr=0.25');
  await page.reload();
  await page.waitForFunction(() => document.querySelector('[data-testid=steps-input]')?.value === '3');
  await settles(() => hook('method-select').inputValue(), 'mu');
});

test('a table of other columns asks which they are, and is read', { skip }, async () => {
  await button('Load, 3.6 MB').click();
  await page.getByText('Loaded', { exact: true }).waitFor();
  await hook('examples-input').fill('id,review,mood\n1,"nice, really",good\n2,a waste of time,bad\n3,nice again,good\n4,never again,bad\n');
  await page.getByText('Which columns are it?').waitFor();
  await settles(() => page.getByLabel('Input', { exact: true }).first().inputValue(), '1');
  await settles(() => page.getByLabel('Output', { exact: true }).inputValue(), '2');
  await clean();
  await button('Use these columns').click();
  await page.getByText('4 examples (CSV)').waitFor();
  assert.match(await hook('examples-input').inputValue(), /^id,input,output\n1,"nice, really",good\n/);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'examples');
});

test('each row is shown as the model sees it, with its tokens', { skip }, async () => {
  await page.locator('summary', { hasText: 'Rows as the model sees them' }).click();
  await hook('rows').locator('tr').nth(3).waitFor();
  await button('Show line 3 as the model sees it').click();
  await page.getByText(/^Line 3: \d+ tokens, of which the last \d+ are learned\.$/).waitFor();
  assert.match(await hook('prompt').innerText(), /^Input: a waste of time\nOptions: good; bad\nOutput: bad<\|im_end\|>$|^Input: a waste of time\nOutput: bad<\|im_end\|>$/);
  await clean();
  await hook('examples-input').fill(`${'word '.repeat(3000)}=> end\nshort => end\n`);
  await page.getByText(/Line 1 is longer than the model's context/).waitFor();
  await hook('rows').locator('tr.cut').waitFor();
  await clean();
});
