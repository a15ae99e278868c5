// A day in a tab that nobody looks at: hidden and shown, frozen and thawed by
// the browser, its clock put forward. What was learned is there and in use after
// it, what was being learned goes on, and nothing grows.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { open, settles, skip as noBrowser } from './lib/browser.mjs';
import { root } from './lib/server.mjs';

const skip = noBrowser || (existsSync(path.join(root, 'dist/site/pocket/base/config.json')) ? false : 'no page in dist/site: run `make build`');
const hour = 3_600_000;

let it, page, devtools;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await page.clock.install();
  await page.goto(it.origin);
  devtools = await page.context().newCDPSession(page);
  await page.getByTestId('model-select').selectOption('pocket');
});
after(() => it?.close());

const button = (name) => page.getByRole('button', { name, exact: true });
const hook = (id) => page.getByTestId(id);
const finished = () => settles(() => button('Export').isEnabled(), true);

/** Tells the page that it is looked at, or not. */
const looked = (visible) =>
  page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    Object.defineProperty(document, 'hidden', { value: state === 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, visible ? 'visible' : 'hidden');

/** The browser stops the page's tasks for a moment, as it does with tabs in the background. */
async function frozen() {
  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  await new Promise((done) => setTimeout(done, 500));
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });
}

/** A day, looked at every four hours. */
async function day() {
  for (let h = 0; h < 24; h++) {
    if (h % 4 === 1) await looked(false);
    if (h % 8 === 2) await frozen();
    await page.clock.fastForward(hour);
    if (h % 4 === 3) await looked(true);
  }
}

/** Bytes that are alive on the page's heap. */
async function alive() {
  await devtools.send('HeapProfiler.collectGarbage');
  return (await devtools.send('Runtime.getHeapUsage')).usedSize;
}

test('fault 41: what was learned is there after a day, and the page has asked for nothing but a newer build', { skip }, async (t) => {
  await hook('examples-input').fill('walk => walks\njump => jumps\nplay => plays\ncook => cooks\nlook => looks\ntalk => talks');
  await button('Adapt').click();
  await finished();
  const ask = async () => {
    await hook('try-input').fill('');
    await hook('try-input').fill('wait');
    await button('Try it').click();
    await settles(() => hook('try-output').innerText().then((s) => s.includes('waits')), true);
  };
  await ask();
  await looked(false);
  await looked(true);
  const [before, asked] = [await alive(), it.requests.length];
  await day();
  const other = it.requests.slice(asked).filter((url) => !/\/(sw\.js|build\.js)(\?|$)/.test(new URL(url).pathname + new URL(url).search));
  assert.deepEqual(other, []);
  const now = await alive();
  t.diagnostic(`${(before / 1e6).toFixed(1)} MB of the page's heap before, ${(now / 1e6).toFixed(1)} MB after`);
  assert.ok(now < 1.1 * before + (1 << 20), `${now} bytes are alive, ${before} before the day`);
  assert.equal(await hook('fault').innerText(), '');
  await ask();
});

test('fault 41: what is being learned goes on through it', { skip }, async () => {
  await hook('steps-input').fill('800');
  await button('Adapt').click();
  await settles(() => button('Stop').isVisible(), true);
  await day();
  assert.ok(await button('Stop').isVisible(), 'it was over before the day was: take more steps');
  await finished();
  assert.equal(await hook('fault').innerText(), '');
  assert.match(await page.locator('#run-section').innerText(), /step 800/);
});
