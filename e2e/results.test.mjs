// What is shown of a result: comparisons on demand, the confusion matrix,
// training tasks that route alike, downloads of each drawing.
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
  page = await it.page('/');
  await page.getByTestId('model-select').selectOption('pocket');
});
after(() => it?.close());

const button = (name) => page.getByRole('button', { name, exact: true });
const hook = (id) => page.getByTestId(id);
const idle = () => page.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled));
const names = () => page.locator('[data-testid=score-table] tbody th').allInnerTexts();

async function clean() {
  await page.evaluate(axe);
  assert.deepEqual(await page.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`)), []);
  assert.equal(await hook('fault').innerText(), '');
}

/** Clicks and gives the text of the file that is saved. */
async function saved(name) {
  const [file] = await Promise.all([page.waitForEvent('download'), button(name).click()]);
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}

const animals = ['cat', 'dog', 'cow', 'hen', 'fox', 'owl', 'bee', 'ant'];
const plants = ['oak', 'elm', 'ivy', 'fern', 'moss', 'rose', 'palm', 'pine'];
const rows = (a, b) => [...animals.slice(a, b).map((w) => `${w} => animal`), ...plants.slice(a, b).map((w) => `${w} => =plant`)].join('\n');

test('baselines join the score table, each with its interval; one that is stopped leaves it as it was', { skip }, async () => {
  await page.locator('summary', { hasText: 'Test rows' }).click();
  await hook('examples-input').fill(rows(0, 4));
  await page.locator('#held').fill(rows(4, 8));
  await hook('method-select').selectOption('z');
  await hook('steps-input').fill('60');
  await button('Adapt').click();
  await page.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor();
  await idle();
  const chart = hook('loss-chart').locator('svg[role=img]');
  assert.equal(await chart.locator('path.aside').count(), 2, 'the held-out line and its sample in the legend');
  assert.ok((await chart.locator('circle.ring').count()) > 3);
  assert.match(await chart.getAttribute('aria-label'), /; held-out loss from [\d.]+ after step \d+ to [\d.]+ after step 60, lowest after step \d+$/);
  await hook('kept-step').getByText('Kept is the state after step 60 of 60').waitFor();
  for (const text of await page.locator('[data-testid=score-table] tbody td:nth-child(3)').allInnerTexts()) assert.match(text, /^\d+%\s+\d+–\d+%/);
  await button('Examples in the prompt').click();
  await page.locator('[data-testid=score-table] th', { hasText: 'Examples in the prompt (8)' }).waitFor();
  await idle();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'score-title');
  await clean();
  await page.evaluate(() => {
    const again = setInterval(() => { // at once: on a fast machine it ends soon
      const stop = [...document.querySelectorAll('button')].find((b) => b.textContent === 'Stop comparing');
      if (stop) clearInterval(again), stop.click();
    }, 20);
  });
  await button('LoRA').click();
  await page.getByText('Stop comparing').waitFor({ state: 'detached' });
  await idle();
  assert.equal((await names()).length, 4);
  await button('LoRA').click();
  await page.locator('[data-testid=score-table] th', { hasText: 'LoRA, same rows' }).waitFor();
  await idle();
  assert.deepEqual(await names(), ['Base model', 'Mean of the skills', 'Adapted', 'Examples in the prompt (8)', 'LoRA, same rows']);
  await settles(() => button('MHR-z').count(), 0);
});

test('nothing moves while it trains', { skip }, async (t) => {
  for (const [width, height] of [[1440, 900], [360, 740]]) {
    await page.setViewportSize({ width, height });
    await hook('steps-input').fill('20');
    await page.evaluate(() => {
      window.moved = [];
      const seen = (list) => list.getEntries().filter((e) => !e.hadRecentInput).forEach((e) => window.moved.push({ value: e.value, phase: document.querySelector('.progress-words')?.textContent ?? '' }));
      window.watching = new PerformanceObserver(seen);
      window.watching.observe({ type: 'layout-shift' });
    });
    await button('Adapt').click();
    await page.waitForFunction(() => document.querySelector('.progress-words')); // until it ends there is one
    await page.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor();
    await idle();
    const moved = await page.evaluate(() => (window.watching.disconnect(), window.moved.filter((m) => /^Step/.test(m.phase))));
    t.diagnostic(`${width}: ${JSON.stringify(moved)}`);
    assert.ok(moved.reduce((sum, m) => sum + m.value, 0) < 0.01, JSON.stringify(moved));
  }
  await page.setViewportSize({ width: 1280, height: 720 });
});

test('the confusion matrix counts every row; drawings and numbers can be saved', { skip }, async () => {
  await page.locator('summary', { hasText: 'Confusion matrix' }).click();
  const cells = page.locator('[data-testid=confusion] td:not(:last-child)');
  await cells.first().waitFor();
  const sum = async () => (await cells.allInnerTexts()).reduce((n, x) => n + Number(x), 0);
  assert.equal(await sum(), 8);
  await page.getByLabel('Of', { exact: true }).selectOption('base');
  assert.equal(await sum(), 8);
  await page.locator('summary', { hasText: 'Row by row' }).click();
  await page.locator('#run-section summary', { hasText: 'As a table' }).click();
  await clean();
  const csv = await saved('Save the confusion matrix as CSV');
  assert.match(csv.text, /^wanted,(animal,'=plant|'=plant,animal)/);
  assert.match((await saved('Save the losses as CSV')).text, /^step,loss,running mean,ms,held-out loss\r\n1,/);
  assert.match((await saved('Save the predictions as CSV')).text, /owl,animal,/);
  assert.equal((await saved('Save the routing as CSV')).text.trim().split('\n').length, 1 + 28 * 8 * 8);
  for (const name of ['Save the loss chart as SVG', 'Save the routing map as SVG', 'Save the confusion matrix as SVG']) {
    const { text } = await saved(name);
    const drawn = await page.evaluate(async (svg) => {
      const image = new Image();
      image.src = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
      await image.decode();
      return image.naturalWidth;
    }, text);
    assert.ok(drawn > 0, name);
  }
});

test('the training tasks whose gradients point alike are named where they are asked for', { skip }, async () => {
  await hook('align').click();
  await settles(() => hook('aligned').locator('li').count(), 5);
  await settles(() => page.evaluate(() => document.activeElement.id), 'aligned-title');
  await settles(() => hook('align').count(), 0);
});

test('the training tasks that route alike are named; the JS module has these calls', { skip }, async () => {
  await hook('similar').waitFor();
  await settles(() => hook('similar').locator('li').count(), 5);
  const got = await page.evaluate(async () => {
    const h = await window.createHandful({ base: 'pocket/base/', inventory: 'pocket/inventory/', device: 'cpu' });
    const f = await h.adapt({ method: 'z', steps: 20, examples: 'walk => walks\njump => jumps\nplay => plays\ncook => cooks\nlook => looks\ntalk => talks', held: 'wait => waits' });
    let steps = 0;
    const lora = await f.against({ with: 'lora', steps: 2, onStep: () => steps++ });
    const similar = await f.similar({ top: 3 });
    const aligned = await f.similar({ top: 3, by: 'gradients' });
    const fault = await f.similar({ by: 'colour' }).catch((e) => e.message);
    const known = h.info.inventory.gradients;
    await h.dispose();
    return { similar, aligned, fault, known, lora, steps };
  });
  assert.equal(got.similar[0].task, 'noun_plural');
  assert.ok(got.similar[0].cosine > got.similar[1].cosine && got.similar.length === 3);
  assert.equal(got.aligned[0].task, 'noun_plural');
  assert.ok(got.aligned[0].cosine > 0.5 && got.aligned[0].cosine > got.aligned[2].cosine && got.known);
  assert.match(got.fault, /colour.*routing or gradients/);
  assert.equal(got.lora.n, 1);
  assert.equal(got.steps, 2);
});
