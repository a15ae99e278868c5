// A run that a reload, a closed tab or a crash breaks off, and that goes on
// from where it was kept, to the same bits.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { open, settles, skip as noBrowser } from './lib/browser.mjs';
import { root } from './lib/server.mjs';

const skip = noBrowser || (existsSync(path.join(root, 'dist/site/index.html')) ? false : 'no page in dist/site: run `make build`');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const sample = (part) => readFileSync(path.join(root, `assets/samples/verb_s.${part}.txt`), 'utf8');

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page('/');
});
after(() => it?.close());

const button = (name, on = page) => on.getByRole('button', { name, exact: true });
const goOn = (on = page) => button('Go on with the run of walk → walks with Pocket', on);
const hook = (id, on = page) => on.getByTestId(id);
const idle = (on = page) => on.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled));
const files = (on = page) => on.evaluate(async () => {
  const { folder, list, read } = globalThis.handfulPage.store;
  const at = await folder('runs');
  return Promise.all((await list(at)).map(async ({ name }) => [name, await (await read(at, name)).text()]));
});
/** The step that the loss curve has come to. */
const curve = async (on = page) => Number((await hook('loss-chart', on).locator('svg').getAttribute('aria-label')).match(/over (\d+) of/)[1]);
/** Waits until the run is kept, and tells after which step. */
const kept = async (on = page) => {
  const line = on.getByText(/Kept in this browser after step \d+, with its examples/);
  await line.waitFor();
  return Number((await line.innerText()).match(/step (\d+)/)[1]);
};

/** Adapts to the sample for so many steps that nobody waits for their end. */
async function begin(on = page) {
  await on.locator('#device').selectOption('cpu');
  await button('walk → walks', on).click();
  await hook('method-select', on).selectOption('z');
  await hook('steps-input', on).fill('90000');
  await button('Adapt', on).click();
  return kept(on);
}

/** Has the page reloaded; its question whether to is answered with yes. */
async function reload() {
  page.once('dialog', (dialog) => dialog.accept());
  await page.reload();
}

test('reloaded in the middle of training, it goes on with one click', { skip }, async (t) => {
  const step = await begin();
  const names = (await files()).map(([name]) => name);
  assert.equal(names.length, 2);
  for (const [name, text] of await files()) assert.equal(text.includes(sample('train').split(' ')[0]), !name.endsWith('.json'), name);
  await reload();
  await goOn().waitFor();
  await page.getByText('Its examples are kept in this browser with it, only because').waitFor();
  await page.evaluate(axe);
  assert.deepEqual(await page.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`)), []);
  const other = await it.page('/');
  await goOn(other).waitFor();
  await goOn().click();
  await page.waitForFunction((step) => Number(document.querySelector('[data-testid=loss-chart] svg')?.getAttribute('aria-label').match(/over (\d+) of/)[1]) > step, step);
  await settles(() => hook('examples-input').inputValue(), sample('train'));
  await goOn(other).click(); // of what runs here: refused there
  await hook('fault', other).getByText(/in use in another tab/).waitFor();
  await other.close();
  const again = await kept();
  t.diagnostic(`broken off after step ${step}, kept again after ${again}`);
  assert.ok(again >= step);
  await button('Stop').click();
  await idle();
  await settles(files, [], 'nothing is left of a run that has ended');
  await settles(() => goOn().isVisible(), false);

  // The same, never broken off: the losses are the same numbers.
  const [download] = await Promise.all([page.waitForEvent('download'), button('Export').click()]);
  const zip = readFileSync(await download.path()).toString('latin1');
  const losses = [...zip.matchAll(/"loss":([0-9.e-]+),"lr":[^}]*"step":(\d+)}/g)].map((m) => Number(m[1]));
  assert.ok(losses.length > step + 1, `${losses.length} losses`);
  const whole = await page.evaluate(async ({ examples, held, n }) => {
    const h = await createHandful({ base: 'pocket/base/', inventory: 'pocket/inventory/', device: 'cpu' });
    let steps = 0;
    const { losses } = await h.adapt({ examples, held, method: 'z', steps: 90000, truncate: true, score: false, onStep: () => ++steps >= n && h.stop() });
    await h.dispose();
    return losses;
  }, { examples: sample('train'), held: sample('held'), n: losses.length });
  assert.deepEqual(losses, whole.slice(0, losses.length));
});

test('every snapshot of a run leads to the same bytes', { skip }, async () => {
  const different = await page.evaluate(async ({ examples, held }) => {
    const open = () => createHandful({ base: 'pocket/base/', inventory: 'pocket/inventory/', device: 'cpu' });
    const text = async (fit) => (await fit.export()).map(({ name, bytes }) => [name, name === 'train.jsonl' ? new TextDecoder().decode(bytes).replace(/"ms":[0-9.e-]+/g, '') : String(bytes)]);
    const out = [];
    for (const method of ['z', 'mu', 'lora']) {
      const runs = [];
      const h = await open();
      const whole = await h.adapt({ examples, held, keep: method === 'mu' ? 'best' : 'last', method, steps: 6, seed: 2, snapshotEvery: 1e-9, onEvent: ({ snapshot }) => snapshot && runs.push(snapshot) });
      const want = JSON.stringify([whole.losses, whole.heldLosses, whole.kept, await text(whole)]);
      await h.dispose();
      for (const { step, bytes } of runs) {
        const g = await open();
        const fit = await g.resume(bytes);
        if (JSON.stringify([fit.losses, fit.heldLosses, fit.kept, await text(fit)]) !== want) out.push(`${method} after step ${step}`);
        await g.dispose();
      }
      if (runs.length !== 5) out.push(`${method}: ${runs.length} snapshots`);
    }
    return out;
  }, { examples: sample('train'), held: sample('held') });
  assert.deepEqual(different, []);
});

test('fault 22: an engine that dies leaves the run; one that is damaged is refused and removed', { skip }, async () => {
  await page.reload();
  await page.evaluate(() => {
    window.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        window.engine = this;
      }
    };
  });
  await begin();
  await page.evaluate(() => {
    engine.onmessage({ data: { msg: JSON.stringify({ id: 0, kind: 'crash', seq: 0, err: { kind: 'bug', op: 'engine', msg: 'the engine stopped: test' } }), blobs: [] } });
    engine.terminate();
  });
  await hook('fault').getByText('the engine stopped: test').waitFor();
  await goOn().click();
  await page.getByText(/Step \d+ of 90,?000/).first().waitFor();
  await kept();
  await reload();
  await goOn().waitFor();
  await page.evaluate(async () => {
    const { folder, list, read, write } = globalThis.handfulPage.store;
    const at = await folder('runs');
    const { name } = (await list(at)).find((f) => !f.name.endsWith('.json'));
    const bytes = new Uint8Array(await (await read(at, name)).arrayBuffer());
    bytes[bytes.length - 3] ^= 1;
    await write(at, name, bytes);
  });
  await goOn().click();
  await hook('fault').getByText(/a kept run is not what was written/).waitFor();
  await page.waitForFunction(() => !document.querySelector('#resume-section').checkVisibility());
  await settles(files, []);
});

test('a run is discarded, its examples with it', { skip }, async () => {
  await page.reload();
  await begin();
  await page.close({ runBeforeUnload: false }); // the tab is closed
  page = await it.page('/');
  await goOn().waitFor();
  await button('Discard the run of walk → walks with Pocket').click();
  await page.waitForFunction(() => !document.querySelector('#resume-section').checkVisibility());
  await settles(files, []);
});
