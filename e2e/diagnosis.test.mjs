// The fold "Diagnosis": what the browser offers, and the self-test on both
// devices, from the files that come with the page.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { open, skip as noBrowser } from './lib/browser.mjs';
import { root } from './lib/server.mjs';

const skip = noBrowser || (existsSync(path.join(root, 'dist/site/selftest/golden.json')) ? false : 'no page in dist/site: run `make build`');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  await it.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: it.origin });
  page = await it.page('/');
});
after(() => it?.close());

const button = (name) => page.getByRole('button', { name, exact: true });

async function clean() {
  await page.evaluate(axe);
  assert.deepEqual(await page.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`)), []);
}

test('each part has a state, and a fix where it is not good', { skip }, async (t) => {
  await page.locator('#diagnosis-section > details > summary').press('Enter');
  const rows = page.locator('[data-testid=diagnosis] tbody tr');
  await rows.first().waitFor();
  const found = Object.fromEntries((await rows.evaluateAll((all) => all.map((tr) => [...tr.cells].map((c) => c.innerText.trim())))).map(([name, state, fix]) => [name, { state, fix }]));
  t.diagnostic(JSON.stringify(found));
  for (const name of ['Secure context', 'WebGPU', 'GPU adapter', 'GPU limits', 'wasm SIMD', 'Cross-origin isolation', 'Storage (OPFS)', 'Room']) assert.ok(found[name]?.state, name);
  for (const [name, { state, fix }] of Object.entries(found)) assert.equal(state.startsWith('✓'), fix === '', name);
  assert.match(found['wasm SIMD'].state, /^✓/);
  assert.match(found['Secure context'].state, /^✓/);
  await clean();
});

test('the self-test passes on the cpu and on the GPU; the report can be copied', { skip }, async (t) => {
  await button('Run the self-test').click();
  await page.locator('#diagnosis-section p', { hasText: 'Passed: all 6 runs have the losses of' }).waitFor({ timeout: 300_000 });
  const lines = await page.locator('[data-testid=selftest] li').allInnerTexts();
  for (const line of lines) t.diagnostic(line);
  assert.equal(lines.length, 6);
  await clean();
  await button('Copy report').click();
  await page.locator('#diagnosis-section p', { hasText: 'Copied: paste it where you report.' }).waitFor();
  const report = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(report, /^Handful, build [0-9a-f]{16}\nBrowser: Mozilla/);
  assert.equal(report.match(/Self-test: .*: pass, 10 steps/g).length, 6);
  assert.equal(await page.getByTestId('fault').innerText(), '');
});
