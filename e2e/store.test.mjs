// Models in the browser's storage: fetched once, whole or not at all, whatever
// the server, the connection, other tabs and the browser do to them.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { open, skip } from './lib/browser.mjs';
import { root } from './lib/server.mjs';
import { Weights, sha256 } from './lib/weights.mjs';
import * as golden from './lib/golden.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const model = readFileSync(path.join(root, golden.at, 'model.safetensors'));
const sum = sha256(model);
const size = model.length;
const where = '/weights/model.safetensors';

let it, page, weights, cdp;
before(async () => {
  if (skip) return;
  it = await open();
  it.answers.set('/weights/config.json', golden.at + 'config.json');
  page = await it.page();
  cdp = await it.context.newCDPSession(page);
  await ready(page);
});
after(() => it?.close());
afterEach(async () => {
  if (skip) return;
  await room();
  await page.evaluate(empty);
});

/** Lets the origin have so many bytes; as many as any other without a number. */
const room = (quotaSize) => cdp.send('Storage.overrideQuotaForOrigin', { origin: it.origin, quotaSize });

/** Gives a page get(), which opens the model and tells what became of that. */
async function ready(on) {
  await on.evaluate(async ({ sum, size, where }) => {
    Object.assign(window, await import('/handful.mjs'), { models: await import('/models.mjs'), store: await import('/store.mjs') });
    window.events = [];
    window.get = async ({ as = {}, ...more } = {}) => {
      events.length = 0;
      const weights = { url: where, sha256: sum, size, of: 'Tiny', ...as };
      const h = await createHandful({ base: ['/weights/config.json', weights], device: 'cpu', onProgress: (p) => events.push(p), ...more })
        .catch((e) => ({ kind: e.kind, message: e.message }));
      if (!h.info) return h;
      const file = h.info.files.find((f) => f.name === 'model.safetensors');
      await h.dispose();
      return { layers: h.info.layers, from: file.from, kept: file.kept, ...(file.why && { why: file.why }) };
    };
  }, { sum, size, where });
}

/** Empties the storage, as a browser does that runs out of room. */
async function empty() {
  const files = await navigator.storage.getDirectory();
  for (let tries = 0; tries < 20; tries++) { // a Worker that was ended may hold a file for a moment
    try {
      return await files.removeEntry('handful', { recursive: true });
    } catch (error) {
      if (error.name === 'NotFoundError') return;
      await new Promise((r) => setTimeout(r, 100));
    }
  }
}

/** Puts a new file on the server. */
const serve = (change = {}) => {
  weights = Object.assign(new Weights(model), change);
  it.answers.set(where, weights.answer);
  return weights;
};
/** Waits until half of the file has arrived, where the server holds it. */
const half = (on = page) => on.waitForFunction((n) => events.some((e) => e.status === 'download' && e.loaded >= n), size / 2);
const get = (options, on = page) => on.evaluate((o) => get(o), options);
const stored = (on = page) => on.evaluate(() => models.stored());
const statuses = (on = page) => on.evaluate(() => [...new Set(events.map((e) => e.status))]);
const fromNetwork = { layers: 2, from: 'network', kept: true };
const fromStorage = { layers: 2, from: 'storage', kept: true };
const tenCuts = Array.from({ length: 10 }, (_, i) => Math.round(((i + 1) * size) / 11) + i);

test('fetched once, then taken from the browser', { skip }, async () => {
  serve();
  assert.deepEqual(await get(), fromNetwork);
  assert.deepEqual(await stored(), [{ sha256: sum, name: 'model.safetensors', of: 'Tiny', bytes: size, size, whole: true }]);
  serve({ instead: (_, response) => response.writeHead(500).end() });
  assert.deepEqual(await get(), fromStorage);
  assert.equal(weights.asked.length, 0);
  assert.equal((await page.evaluate(() => store.room())).usage > size, true);
  await page.evaluate((sum) => models.drop(sum), sum);
  assert.deepEqual(await stored(), []);
  const gone = await get();
  assert.equal(gone.kind, 'network');
  assert.match(gone.message, /status 500/);
});

test('fault 15: a download that is cut at ten places goes on at each', { skip }, async (t) => {
  serve({ cuts: [...tenCuts] });
  assert.deepEqual(await get(), fromNetwork);
  const ranges = weights.asked.map((a) => a.range);
  t.diagnostic(ranges.join(' '));
  assert.equal(weights.asked.length, 11);
  assert.deepEqual(weights.asked.slice(1).map((a) => [a.status, a.ifRange]), Array(10).fill([206, '"one"']));
  assert.equal(weights.asked.reduce((n, a) => n + a.sent, 0) < 1.5 * size, true, 'little is sent twice');
  assert.ok((await statuses()).includes('retry'));
});

test('fault 15: one that breaks between its headers and its first byte is tried again', { skip }, async () => {
  serve({ cuts: [0] });
  assert.deepEqual(await get(), fromNetwork);
  assert.deepEqual(weights.asked.map((a) => a.status), [200, 200]);
});

test('fault 16: where the server knows no ranges it begins anew each time', { skip }, async () => {
  for (const keep of [true, false]) {
    serve({ cuts: [...tenCuts], ranges: false });
    const got = await get({ keep });
    assert.deepEqual([got.layers, got.from, got.kept], [2, 'network', keep]);
    assert.deepEqual(weights.asked.map((a) => a.status), Array(11).fill(200));
  }
});

test('without storage a cut download goes on too', { skip }, async () => {
  serve({ cuts: tenCuts.slice(0, 3) });
  assert.equal((await get({ keep: false })).layers, 2);
  assert.deepEqual(weights.asked.map((a) => a.status), [200, 206, 206, 206]);
  assert.deepEqual(await stored(), []);
});

test('a connection that stays broken is a fault; the next visit goes on', { skip }, async () => {
  serve({ always: 60_000 });
  const cut = await get();
  assert.equal(cut.kind, 'network');
  assert.match(cut.message, /what has arrived is kept: load it again to go on/);
  const [part] = await stored();
  assert.equal(part.whole, false);
  assert.ok(part.size > 0 && part.size < size, part.size);
  serve();
  await page.reload();
  await ready(page);
  assert.deepEqual(await get(), fromNetwork);
  assert.deepEqual(weights.asked.map((a) => [a.range, a.status]), [[`bytes=${part.size}-`, 206]]);
});

test('a page that dies while it downloads leaves nothing that is taken for whole', { skip }, async () => {
  serve().hold();
  await page.evaluate(() => { get(); });
  await half();
  await page.reload();
  await ready(page);
  const [part] = await stored();
  assert.equal(part?.whole, false);
  weights.go();
  assert.deepEqual(await get(), fromNetwork);
  assert.deepEqual(await get(), fromStorage);
});

test('stopping keeps what has arrived', { skip }, async () => {
  serve().hold();
  const message = await page.evaluate(() => {
    const stop = new AbortController();
    const opening = get({ signal: stop.signal, onProgress: (p) => p.status === 'download' && p.loaded > 40_000 && stop.abort() });
    return opening.then((h) => h.kind);
  });
  assert.equal(message, 'cancelled');
  await page.waitForFunction(async () => (await models.stored())[0]?.size > 40_000);
  weights.go();
  assert.deepEqual(await get(), fromNetwork);
  assert.equal(weights.asked.at(-1).status, 206);
});

test('fault 16: another version on the server: no file is made of two', { skip }, async () => {
  const other = Buffer.from(model).fill(7, 100);
  for (const [what, first, then] of [
    ['a tag that has changed', { bytes: other, tag: '"old"', always: 60_000 }, { tag: '"new"' }],
    ['no tags', { bytes: other, tag: '', always: 60_000 }, { tag: '' }],
    ['a tag that lies', { bytes: other, always: 60_000 }, {}],
  ]) {
    serve(first);
    assert.equal((await get()).kind, 'network', what);
    serve(then);
    assert.deepEqual(await get(), fromNetwork, what);
    assert.equal(weights.asked.at(-1).status, 200, what);
    assert.equal(await page.evaluate((sum) => models.drop(sum), sum), undefined);
  }
});

test('faults 17, 18: what is not the file is refused by name and not kept', { skip }, async () => {
  const html = (type) => (_, response) => response.writeHead(200, { 'Content-Type': type }).end('<!doctype html><p>Sign in');
  for (const [change, kind, says] of [
    [{ instead: html('text/html; charset=utf-8') }, 'network', /expected .*safetensors.*, got text\/html from .*\/weights\/model\.safetensors/],
    [{ instead: html('application/octet-stream') }, 'network', /expected .*, got text\/html from .*\/weights\/model\.safetensors/],
    [{ bytes: Buffer.from(model).fill(7, 100) }, 'corrupt', /got sha256 [0-9a-f]{64}, want [0-9a-f]{64}/],
    [{ bytes: model.subarray(0, size - 1) }, 'network', /got \d+ bytes, want \d+/],
    [{ instead: (_, response) => response.writeHead(200, { 'Transfer-Encoding': 'chunked' }).end(Buffer.concat([model, model])) }, 'network', /got \d+ bytes, want \d+/],
    [{ instead: (_, response) => response.writeHead(404).end() }, 'network', /status 404/],
  ]) {
    serve(change);
    const fault = await get();
    assert.equal(fault.kind, kind, fault.message);
    assert.match(fault.message, says);
    assert.deepEqual(await stored(), [], fault.message);
  }
});

test('a page in place of the rest leaves what has arrived', { skip }, async () => {
  serve({ always: 60_000 });
  await get();
  const [part] = await stored();
  serve({ instead: (_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><p>Sign in') });
  assert.match((await get()).message, /text\/html/);
  assert.deepEqual(await stored(), [part]);
});

test('faults 18, 21: damage and eviction are noticed, and the file is fetched again', { skip }, async () => {
  const damage = (how) => page.evaluate(async ({ how, sum }) => {
    const at = await store.folder('models');
    const bytes = new Uint8Array(await (await store.read(at, sum)).arrayBuffer());
    if (how === 'a byte') bytes[bytes.length - 5] ^= 1;
    if (how === 'its end') return store.write(at, sum, bytes.subarray(0, bytes.length - 9));
    if (how === 'its note') return store.write(at, `${sum}.json`, '{"name": "model');
    if (how === 'all') return at.removeEntry(sum);
    return store.write(at, sum, bytes);
  }, { how, sum });
  serve();
  await get();
  for (const how of ['a byte', 'its end', 'its note', 'all']) {
    await damage(how);
    assert.deepEqual(await get(), fromNetwork, how);
    assert.deepEqual(await get(), fromStorage, how);
  }
  await page.evaluate(empty);
  assert.deepEqual(await get(), fromNetwork, 'thrown out');
});

test('fault 20: two tabs: one fetches, the other waits for it', { skip }, async () => {
  serve().hold();
  const other = await it.page();
  await ready(other);
  const waiting = () => other.waitForFunction(() => events.some((e) => e.status === 'wait'));
  const first = get();
  await half();
  const second = get({}, other);
  await waiting();
  weights.go();
  assert.deepEqual(await first, fromNetwork);
  assert.deepEqual(await second, fromStorage);
  assert.equal(weights.asked.length, 1);
  const dies = await it.page(); // the tab that fetches is closed: the one that waits goes on
  await ready(dies);
  await page.evaluate((sum) => models.drop(sum), sum);
  weights.hold();
  dies.evaluate(() => { get(); }).catch(() => {}); // it dies
  await half(dies);
  const waits = get({}, other);
  await waiting();
  await dies.close();
  weights.go();
  assert.deepEqual(await waits, fromNetwork);
  await other.close();
});

test('what a tab has open is not removed', { skip }, async () => {
  serve();
  const other = await it.page();
  await ready(other);
  await other.evaluate(async ({ where, sum, size }) => {
    window.open = await createHandful({ base: ['/weights/config.json', { url: where, sha256: sum, size }], device: 'cpu' });
  }, { where, sum, size });
  const drop = () => page.evaluate((sum) => models.drop(sum).then(() => 'gone', (e) => e.message), sum);
  assert.match(await drop(), /in use/);
  await other.evaluate(() => open.dispose());
  await page.waitForFunction((sum) => models.drop(sum).then(() => true, () => false), sum);
  assert.deepEqual(await stored(), []);
  await other.close();
});

test('fault 19: no room is a fault that says how much is needed and there', { skip }, async () => {
  serve();
  await room(50_000);
  const fault = await get();
  assert.equal(fault.kind, 'quota', fault.message);
  assert.match(fault.message, /model\.safetensors: need 0\.1 MB, have 0\.0 MB in this browser; remove a model that is kept/);
  assert.equal(weights.asked.length, 0, 'refused before the download');
  assert.deepEqual(await stored(), []);
  assert.deepEqual(await get({ keep: false }), { layers: 2, from: 'network', kept: false });
  await room();
  assert.deepEqual(await get(), fromNetwork);
});

test('room that ends in the middle is a fault, and what is there is not whole', { skip }, async () => {
  serve().hold();
  const got = get();
  await half();
  await room(1);
  weights.go();
  const fault = await got;
  assert.equal(fault.kind, 'quota', JSON.stringify(fault));
  await room();
  assert.ok((await stored()).every((f) => !f.whole));
  assert.deepEqual(await get(), fromNetwork);
});

test('fault 19: a browser that keeps no files: the model is streamed, and that is said', { skip }, async () => {
  serve();
  const text = readFileSync(path.join(root, 'wasm/js/store.mjs'), 'utf8');
  it.answers.set('/store.mjs', (_, response) => response.end(text.replace('navigator.storage.getDirectory()', "Promise.reject(new Error('Security error'))")));
  const got = await get();
  it.answers.delete('/store.mjs');
  assert.deepEqual([got.layers, got.from, got.kept], [2, 'network', false]);
  assert.match(got.why, /this browser keeps no files for the page \(a private window\?/);
});

test('locks and whole writes, for whoever keeps something', { skip }, async () => {
  const got = await page.evaluate(async () => {
    const at = await store.folder('test');
    await store.write(at, 'a', 'one');
    await store.write(at, 'a', 'two');
    const text = async (name) => (await store.read(at, name))?.text() ?? null;
    const free = await store.lock('x');
    const busy = await store.lock('x');
    const stop = new AbortController();
    const waiting = store.lock('x', { wait: true, signal: stop.signal }).catch((e) => e.name);
    stop.abort();
    const [aborted, later] = [await waiting, store.lock('x', { wait: true })];
    free();
    (await later)();
    const shared = [await store.lock('y', { shared: true }), await store.lock('y', { shared: true }), await store.lock('y')];
    const names = (await store.list(at)).map((f) => [f.name, f.size]);
    await store.remove(at, 'a');
    await store.remove(at, 'a');
    return { two: await text('a'), busy, aborted, names, shared: shared.map(Boolean), left: await store.list(at), json: await store.readJSON(at, 'a') };
  });
  assert.deepEqual(got, { two: null, busy: null, aborted: 'AbortError', names: [['a', 3]], shared: [true, true, false], left: [], json: null });
});

test('the page: cancelled, gone on with, from this browser, listed, removed', { skip }, async () => {
  const config = readFileSync(path.join(root, golden.at, 'config.json'));
  const files = { 'config.json': { sha256: sha256(config), bytes: config.length }, 'model.safetensors': { sha256: sum, bytes: size } };
  it.answers.set('/models/manifest.json', (_, response) => response.end(JSON.stringify([{ id: 'tiny', name: 'Tiny', file: 'tiny/', bytes: size + config.length, files }])));
  it.answers.set('/models/tiny/config.json', golden.at + 'config.json');
  serve().hold();
  it.answers.set('/models/tiny/model.safetensors', weights.answer);
  const p = await it.page('/');
  const button = (name) => p.getByRole('button', { name, exact: true });
  const says = (text) => p.getByText(text).first().waitFor();
  await says('is kept in this browser for the next visit');
  await p.locator('#device').selectOption('cpu');
  await button('Load, 89 kB').click();
  await p.getByText(/Downloading model.safetensors: \d+ kB of 89 kB/).waitFor();
  await button('Cancel').click();
  await p.locator('summary', { hasText: 'Models kept in this browser' }).click();
  await says(/kB of 89 kB, not whole: load it to go on/);
  weights.go();
  await p.getByRole('button', { name: /^Load, \d\d kB/ }).click();
  await says('from the network, kept in this browser');
  assert.deepEqual(weights.asked.map((a) => a.status), [200, 206]);
  await button('Remove Tiny').click();
  await p.getByTestId('fault').getByText(/Tiny: it is in use in this tab or another one/).waitFor();
  await p.evaluate(readFileSync(axe, 'utf8'));
  assert.deepEqual(await p.evaluate(async () => (await window.axe.run()).violations.map((v) => `${v.id}: ${v.nodes[0].html}`)), []);
  serve({ instead: (_, response) => response.writeHead(500).end() });
  it.answers.set('/models/tiny/model.safetensors', weights.answer);
  await p.reload();
  await p.getByTestId('model-select').locator('option', { hasText: 'Tiny, kept here' }).waitFor({ state: 'attached' });
  await p.locator('#device').selectOption('cpu');
  await button('Load').click();
  await says('from this browser');
  assert.equal(weights.asked.length, 0);
  await p.getByTestId('model-select').selectOption('pocket');
  await p.getByRole('button', { name: /^Load/ }).click();
  await says('part of this page');
  await p.locator('summary', { hasText: 'Models kept in this browser' }).click();
  await button('Remove Tiny').click();
  await says('no models yet');
  assert.deepEqual(await stored(), []);
  await p.close();
});
