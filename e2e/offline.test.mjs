// The page without a network: kept by its service worker, isolated on a host
// that sets no headers, and changed over to a new version as a whole.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { open, settles, skip as noBrowser } from './lib/browser.mjs';
import { change, copied } from './lib/builds.mjs';
import { root } from './lib/server.mjs';
import { entries } from './lib/zip.mjs';

const skip = noBrowser || (existsSync(path.join(root, 'dist/site/build.js')) ? false : 'no page in dist/site: run `make build`');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const at = '/some/folder/';

let site, it, page;
const complaints = []; // of the page's policy
before(async () => {
  if (skip) return;
  site = copied();
  it = await open({ at, dir: site.dir, plain: true });
});
after(async () => {
  await it?.close();
  site?.remove();
});

const button = (name, on = page) => on.getByRole('button', { name, exact: true });
const hook = (id, on = page) => on.getByTestId(id);
const offline = (on = page) => on.getByText('Runs in this tab, offline too.').waitFor();
const idle = (on = page) => on.waitForFunction(() => [...document.querySelectorAll('button')].some((b) => b.textContent === 'Export' && !b.disabled));
const build = (on = page) => on.evaluate(() => globalThis.handfulPage.build);
const violations = async (on = page) => (await on.evaluate(axe), on.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`)));

/** A tab of the page that counts how often it is loaded. */
async function tab() {
  const on = await it.context.newPage();
  on.loads = 0;
  on.on('load', () => on.loads++);
  on.on('console', (message) => /Content Security Policy/.test(message.text()) && complaints.push(message.text()));
  await on.goto(it.origin + at);
  return on;
}

test('a first visit: kept for offline use, then isolated by one reload', { skip }, async () => {
  page = await tab();
  await page.waitForFunction(() => crossOriginIsolated);
  await offline();
  assert.equal(page.loads, 2);
  await page.reload();
  await offline();
  assert.equal(page.loads, 3, 'it reloads by itself once');
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  assert.deepEqual(await violations(), []);
});

test('it can be installed', { skip }, async () => {
  const cdp = await it.context.newCDPSession(page);
  const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
  // the only thing that a headless browser may hold against it
  assert.deepEqual(installabilityErrors.map((e) => e.errorId).filter((id) => id !== 'in-incognito'), []);
  const { errors, url } = await cdp.send('Page.getAppManifest');
  assert.deepEqual([errors, url], [[], `${it.origin}${at}manifest.webmanifest`]);
  await cdp.detach();
});

test('the documentation: linked at the foot, and kept where it was read', { skip }, async () => {
  const [read] = await Promise.all([it.context.waitForEvent('page'), page.getByRole('link', { name: 'Documentation' }).click()]);
  const wrong = [];
  read.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
  await read.getByRole('heading', { name: 'On the command line' }).waitFor();
  for (const [name, heading] of [['Results', 'few-shot: far tasks'], ['The page', 'When something is wrong']]) {
    await read.getByRole('link', { name, exact: true }).click();
    await read.getByRole('heading', { name: heading }).waitFor();
    await read.waitForLoadState();
    assert.equal(await read.evaluate(() => [...document.images].length > 1 && [...document.images].every((i) => i.complete && i.naturalWidth > 0)), true);
    for (const [width, colorScheme] of [[1440, 'light'], [360, 'dark']]) {
      await read.setViewportSize({ width, height: 800 });
      await read.emulateMedia({ colorScheme });
      assert.deepEqual(await violations(read), [], `${name} at ${width} px, ${colorScheme}`);
      assert.equal(await read.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${name} at ${width} px`);
    }
  }
  await it.stop();
  await read.reload(); // to the end of its pictures
  await read.getByRole('heading', { name: 'When something is wrong' }).waitFor();
  assert.equal(await read.evaluate(() => [...document.images].every((i) => i.naturalWidth > 0)), true, 'pictures too');
  await it.restart();
  assert.deepEqual(wrong, []); // it stays open: no other tab that a new version waits for
});

test('the server stopped and the network off: reload, adapt, try, export', { skip }, async () => {
  await it.stop();
  await it.context.setOffline(true);
  await page.reload();
  await button('walk → walks').click();
  await button('Adapt').click();
  await page.locator('[data-testid=score-table] tbody tr:nth-child(3)').waitFor();
  await idle();
  await hook('try-input').fill('jump');
  await button('Try it').click();
  await hook('try-output').getByText('jumps').waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), button('Export').click()]);
  assert.ok('adapter_model.safetensors' in entries(readFileSync(await download.path())));
  assert.equal(await hook('fault').innerText(), '');
  const other = await tab(); // one that has never been online
  await offline(other);
  assert.equal(await other.evaluate(() => crossOriginIsolated), true);
  assert.equal(await other.evaluate(() => document.images[0].naturalWidth > 0), true);
  await other.close();
  await it.context.setOffline(false);
  await it.restart();
});

test('the list of models is the newest that was seen', { skip }, async () => {
  const models = (list) => it.answers.set(at + 'models/manifest.json', (_, response) => response.end(JSON.stringify(list)));
  models([{ id: 'one', name: 'One', file: 'one.gguf', bytes: 5e6 }]);
  await page.reload();
  await hook('model-select').locator('option', { hasText: 'One' }).waitFor({ state: 'attached' });
  models([{ id: 'two', name: 'Two', file: 'two.gguf', bytes: 5e6 }]);
  await page.reload();
  await hook('model-select').locator('option', { hasText: 'Two' }).waitFor({ state: 'attached' });
  await it.stop();
  await page.reload();
  await hook('model-select').locator('option', { hasText: 'Two' }).waitFor({ state: 'attached' });
  await it.restart();
  it.answers.delete(at + 'models/manifest.json');
});

const look = async (on = page) => on.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update().catch(() => {}));
const style = (on = page) => on.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--of-build').trim());
const css = () => readFileSync(path.join(root, 'dist/site/style.css'), 'utf8');

test('half of a new version is none', { skip }, async () => {
  const old = await build();
  change(site.dir, { 'style.css': css() + ':root{--of-build: half}' });
  it.answers.set(at + 'style.css', (_, response) => response.end('/* from yet another build */'));
  await look();
  await page.waitForFunction(async () => {
    const r = await navigator.serviceWorker.getRegistration();
    return !r.installing && !r.waiting;
  });
  await page.reload();
  await offline();
  assert.deepEqual([await build(), await style()], [old, '']);
  assert.equal(await page.getByText('A new version is ready').count(), 0);
  it.answers.delete(at + 'style.css');
});

test('a new version is told of, waits for other tabs and for training, and is taken whole', { skip }, async () => {
  const old = await build();
  const next = change(site.dir, { 'style.css': css() + ':root{--of-build: next}' });
  const asked = it.log.length;
  await button('walk → walks').click();
  await hook('steps-input').fill('2000');
  await button('Adapt').click();
  await page.getByText(/Step [1-9]\d* of/).waitFor();
  await look();
  await page.getByText('It can be taken once adapting has ended.').waitFor();
  await settles(() => button('Reload').isDisabled(), true);
  await button('Stop').click();
  await idle();
  await page.getByText('Reload to use it.').waitFor(); // once what was learned is kept
  assert.deepEqual(await violations(), []);
  const other = await tab();
  assert.deepEqual([await build(other), await style(other)], [old, ''], 'other tabs stay with the version that is in use');
  await button('Reload').click();
  await page.getByText('Close the 1 other tab of this page first').waitFor();
  assert.equal(await build(), old);
  await other.close();
  const loads = page.loads;
  await hook('examples-input').fill('one => two\nthree => four');
  await button('Reload').click();
  await page.waitForFunction((next) => globalThis.handfulPage?.build === next, next);
  await offline();
  assert.deepEqual([await build(), await style(), page.loads], [next, 'next', loads + 1]);
  await settles(() => hook('examples-input').inputValue(), 'one => two\nthree => four', 'what was typed is kept');
  await page.getByText('2 lines, checked').waitFor();
  assert.deepEqual(new Set(await page.evaluate(() => caches.keys())), new Set([`handful ${at} ${next}`, `handful ${at} seen`]));
  const fetched = new Set(it.log.slice(asked).filter((where) => !/sw\.js$|build\.js$|manifest\.json$/.test(where)));
  assert.deepEqual([...fetched], [at + 'style.css'], 'what is the same is not fetched again');
});

test('an old page does not start a new engine', { skip }, async () => {
  const fault = await page.evaluate(async () => {
    const { Engine } = await import('./rpc.mjs');
    return new Engine('./engine-worker.js?build=0123456789abcdef').call('version').then(() => null, (e) => e.message);
  });
  assert.match(fault, /older than its files on the server; reload the page/);
});

test('fault 44: a program of another build does not start', { skip }, async () => {
  const bare = await open({ dir: site.dir });
  bare.answers.set('/ui.wasm', (_, response) => response.end('\0asm'));
  const on = await bare.context.newPage();
  await on.goto(bare.origin);
  await on.getByRole('alert').getByText(/ui\.wasm cannot be had, or is not of build/).waitFor();
  await bare.close();
});

test('nothing broke the policy, nothing left the origin', { skip }, () => {
  assert.deepEqual(complaints, []);
  for (const url of it.requests) assert.ok(url.startsWith(it.origin) || /^(data|blob):/.test(url), url);
});
