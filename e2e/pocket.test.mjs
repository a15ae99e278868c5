// The model that is part of the page: a first visit from opening to a score,
// with nothing to download, on a server where the page lies in a folder.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { open, settles, skip as noBrowser } from './lib/browser.mjs';
import { root } from './lib/server.mjs';

const skip = noBrowser || (existsSync(path.join(root, 'dist/site/pocket/base/config.json')) ? false : 'no page in dist/site: run `make build`');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const at = '/some/folder/';

let it, page;
const bad = []; // answers that a visitor's console would show
before(async () => {
  if (skip) return;
  it = await open({ at });
  page = await it.page(at);
  page.on('response', (response) => response.status() >= 400 && bad.push(`${response.status()} ${response.url()}`));
});
after(() => it?.close());

const button = (name) => page.getByRole('button', { name, exact: true });
const hook = (id) => page.getByTestId(id);
const scored = () => page.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor();
const idle = () => page.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled));
const percent = async (row) => parseInt(await page.locator(`[data-testid=score-table] tbody tr:nth-child(${row}) td:nth-child(3)`).innerText(), 10);

test('a first visit: a sample, Adapt, a score, within half a minute', { skip }, async (t) => {
  await page.getByText('Part of this page: nothing is fetched from elsewhere').waitFor();
  await page.getByText('Load, 3.6 MB').waitFor();
  await settles(() => hook('model-select').inputValue(), 'pocket');
  await settles(() => hook('inventory-select').inputValue(), 'pocket-mhr');
  const start = Date.now();
  await button('walk → walks').click();
  await button('Adapt').click();
  await scored();
  const took = Date.now() - start;
  const [base, mean, adapted] = [await percent(1), await percent(2), await percent(3)];
  t.diagnostic(`${(took / 1000).toFixed(1)} s; right answers: base ${base} %, mean ${mean} %, adapted ${adapted} %; ${await hook('device-name').innerText()}`);
  assert.ok(took < 30_000, `${took} ms`);
  assert.ok(adapted >= 60 && adapted >= base + 40 && adapted >= mean + 40, `${base}, ${mean}, ${adapted}`);
  await idle();
  await hook('try-input').fill('jump');
  await button('Try it').click();
  await hook('try-output').getByText('jumps').waitFor();
  assert.equal(await hook('fault').innerText(), '');
  for (const url of it.requests) assert.ok(url.startsWith(new URL(at, it.origin).href) || url.startsWith('data:'), url);
  assert.deepEqual(bad, []);
  await page.evaluate(axe);
  assert.deepEqual(await page.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`)), []);
});

test('z takes the rate that the skills recommend, and the person may set another', { skip }, async () => {
  await hook('method-select').selectOption('z');
  await page.locator('summary', { hasText: 'Settings' }).click();
  const rate = page.getByRole('spinbutton', { name: 'Learning rate' });
  await settles(() => rate.getAttribute('placeholder'), '0.5');
  await hook('steps-input').fill('3');
  await button('Adapt').click();
  await page.getByText('As these skills recommend: learning rate 0.5.').waitFor();
  await scored();
  await idle();
  await rate.fill('0.1');
  await button('Adapt').click();
  await page.waitForFunction(() => !document.body.innerText.includes('As these skills recommend'));
  await scored();
  await idle();
});

test('where the server offers a larger model it comes first; skills and samples follow the choice', { skip }, async () => {
  it.answers.set(at + 'models/manifest.json', (_, response) => response.end(JSON.stringify([{ id: 'large', name: 'SmolLM2-135M', file: 'x.gguf', bytes: 98e6, licence: 'Apache-2.0' }])));
  const asked = it.requests.length;
  await page.reload();
  await page.getByText('Load, 121 MB').waitFor();
  await settles(() => hook('model-select').inputValue(), 'large');
  await settles(() => hook('inventory-select').inputValue(), 'smollm2-135m-mhr');
  await settles(() => button('walk → walks').count(), 0);
  await hook('model-select').selectOption('pocket');
  await button('walk → walks').waitFor();
  await settles(() => hook('inventory-select').inputValue(), 'pocket-mhr');
  await settles(() => button('SMS spam').count(), 0);
  assert.deepEqual(it.requests.slice(asked).filter((url) => /safetensors|gguf|engine/.test(url)), [], 'a choice alone fetches nothing');
});

test('the JS module: folders relative to the page; recommended settings stand where none are given', { skip }, async (t) => {
  const got = await page.evaluate(async () => {
    const h = await window.createHandful({ base: 'pocket/base/', inventory: 'pocket/inventory/', device: 'cpu' });
    const plans = [];
    const run = (options) => h.adapt({ examples: 'walk => walks\ntry => tries\neat => eats\ngo => goes', steps: 4, onEvent: (e) => e.plan && plans.push(e.plan), ...options });
    const losses = [(await run({ method: 'z' })).losses, (await run({ method: 'z', routerLr: 0.5 })).losses, (await run({ method: 'z', routerLr: 0.1 })).losses];
    await run({ method: 'mu' });
    await h.dispose();
    return { few: h.info.inventory.fewShot, recommended: plans.map((p) => p.recommended ?? []), losses };
  });
  t.diagnostic(JSON.stringify(got.losses));
  assert.deepEqual(got.few, { z: { routerLr: 0.5 } });
  assert.deepEqual(got.recommended, [['router-lr 0.5'], ['router-lr 0.5'], [], []]);
  assert.deepEqual(got.losses[0], got.losses[1]);
  assert.notDeepEqual(got.losses[0], got.losses[2]);
});
