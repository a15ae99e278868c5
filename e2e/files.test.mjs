// Files and addresses: what can be wrong with them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { open, skip } from './lib/browser.mjs';
import { install, packed } from './lib/bytes.mjs';
import { root } from './lib/server.mjs';
import * as golden from './lib/golden.mjs';
import { read, write } from './lib/safetensors.mjs';

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await install(page);
  await page.evaluate(async ({ at }) => {
    Object.assign(window, await import('/handful.mjs'), { at });
    const file = async (name) => new File([await (await fetch(at + name)).arrayBuffer()], name);
    window.folder = [await file('model.safetensors'), await file('config.json')]; // any order
    window.tell = (e) => ({ kind: e.kind, message: e.message });
    window.tryBase = async (base, more) => {
      const h = await createHandful({ base, device: 'cpu', ...more }).catch(tell);
      if (h.info) await h.dispose();
      return h.info ?? h;
    };
  }, { at: golden.at });
});
after(() => it?.close());

const bytes = (name) => readFileSync(path.join(root, golden.at, name));
const answer = (where, body, type = 'application/octet-stream') => it.answers.set(where, (_, response) => response.setHeader('Content-Type', type).end(body));

test('files as a person picked them', { skip }, async () => {
  const info = await page.evaluate(() => tryBase(folder));
  assert.deepEqual([info.layers, info.vocab, info.device.kind], [2, 96, 'cpu']);
  assert.ok(info.params > 0 && info.bytes > 0 && info.deviceWhy);
});

test('addresses, with progress in bytes', { skip }, async () => {
  const sha256 = createHash('sha256').update(bytes('model.safetensors')).digest('hex');
  const seen = await page.evaluate(async (sha256) => {
    const seen = [];
    await tryBase([at + 'config.json', { url: at + 'model.safetensors', sha256 }], { onProgress: (p) => seen.push(p) });
    return seen;
  }, sha256);
  const last = seen.filter((p) => p.status === 'download' && p.file === 'model.safetensors').at(-1);
  assert.equal(last.loaded, bytes('model.safetensors').length);
  assert.equal(last.total, last.loaded);
  assert.ok(last.rate > 0);
  assert.equal(seen.at(-1).status, 'ready');
});

test('a sharded folder, and one without its second shard', { skip }, async () => {
  const tensors = read(bytes('model.safetensors'));
  const names = Object.keys(tensors);
  const half = (part) => Object.fromEntries(names.filter((_, i) => i % 2 === part).map((n) => [n, tensors[n]]));
  const map = Object.fromEntries(names.map((n, i) => [n, `part-${i % 2}.safetensors`]));
  answer('/shards/config.json', bytes('config.json'), 'application/json');
  answer('/shards/model.safetensors.index.json', JSON.stringify({ weight_map: map }), 'application/json');
  answer('/shards/part-0.safetensors', write(half(0)));
  answer('/shards/part-1.safetensors', write(half(1)));
  assert.equal((await page.evaluate(() => tryBase('/shards/'))).layers, 2);
  assert.equal((await page.evaluate(() => tryBase('/shards'))).layers, 2);
  it.answers.delete('/shards/part-1.safetensors');
  const fault = await page.evaluate(() => tryBase('/shards/'));
  assert.equal(fault.kind, 'network');
  assert.match(fault.message, /part-1\.safetensors/);
});

test('fault 17: a page, a missing file, a cut file, another sum, another origin', { skip }, async () => {
  answer('/html/config.json', bytes('config.json'), 'application/json');
  answer('/html/model.safetensors', '<!doctype html><p>Not here', 'text/html; charset=utf-8');
  it.answers.set('/cut.gguf', (_, response) => {
    response.setHeader('Content-Length', 1 << 20);
    response.write(Buffer.alloc(1 << 16));
    setTimeout(() => response.destroy(), 50);
  });
  const cases = [
    ['/html/', 'network', /neither model\.safetensors/],
    ['/html/model.safetensors', 'network', /expected safetensors, GGUF or JSON, got text\/html from http/],
    ['/nowhere/', 'network', /status 404 from .*config\.json/],
    ['/cut.gguf', 'network', /cut\.gguf/],
    [{ url: `${golden.at}model.safetensors`, sha256: 'ab'.repeat(32) }, 'corrupt', /sha256/],
    [{ url: `${golden.at}model.safetensors`, size: 5 }, 'network', /want 5/],
    ['https://example.org/model.gguf', 'unsupported', /not of this origin/],
    ['http://%', 'input', /address/],
  ];
  const before = it.requests.filter((r) => !r.startsWith(it.origin)).length;
  for (const [base, kind, says] of cases) {
    const fault = await page.evaluate((base) => tryBase(base), base);
    assert.equal(fault.kind, kind, `${JSON.stringify(base)}: ${fault.message}`);
    assert.match(fault.message, says);
  }
  assert.equal(it.requests.filter((r) => !r.startsWith(it.origin)).length, before);
});

test('what there is no room for is refused before it is downloaded', { skip }, async () => {
  const config = JSON.stringify({ model_type: 'llama', hidden_size: 2048, intermediate_size: 5632, num_hidden_layers: 22, num_attention_heads: 32, num_key_value_heads: 4,
    vocab_size: 32000, max_position_embeddings: 2048, rms_norm_eps: 1e-5, hidden_act: 'silu', tie_word_embeddings: false });
  let sent = 0;
  const endless = (size) => (_, response) => {
    response.setHeader('Content-Length', size);
    const timer = setInterval(() => (response.write(Buffer.alloc(1 << 16)), (sent += 1 << 16)), 10);
    response.on('close', () => clearInterval(timer));
  };
  answer('/tinyllama/config.json', config, 'application/json');
  it.answers.set('/tinyllama/model.safetensors', endless(4_400_200_000));
  answer('/large/config.json', config, 'application/json');
  answer('/large/model.safetensors.index.json', JSON.stringify({ metadata: { total_size: 4_400_000_000 }, weight_map: { a: 'part-0.safetensors' } }), 'application/json');
  it.answers.set('/five.gguf', endless(5e9));
  for (const [base, says] of [
    ['/tinyllama/', /^open: tinyllama: need \d+ MB \(4401 MB of weights, \d+ MB for a step of 8 rows of 64 tokens\), have \d+ MB on this cpu; take it quantised[^\n]*$/],
    ['/large/', /^open: large: need \d+ MB \(4400 MB of weights/],
    ['/five.gguf', /^open: five\.gguf: need 5000 MB, have \d+ MB/],
    [{ url: '/never.gguf', size: 6e9, sha256: 'ab'.repeat(32) }, /^open: never\.gguf: need 6000 MB, have \d+ MB/],
  ]) {
    const fault = await page.evaluate((base) => tryBase(base), base);
    assert.equal(fault.kind, 'memory', `${JSON.stringify(base)}: ${fault.message}`);
    assert.match(fault.message, says);
  }
  assert.ok(sent < 40e6, `${sent} bytes were sent of 9.4 GB`);
  assert.deepEqual(it.requests.filter((r) => /large\/part-0|never/.test(r)), [], 'the files are not asked for');
});

// Such a Blob is made all the same: a browser tells only when it is read.
test('what arrives may be more than the browser has room for', { skip }, async () => {
  answer('/full/worker.js', `import './blob.js'; import '/engine-worker.js';`, 'text/javascript');
  answer('/full/blob.js', `
    const slice = Blob.prototype.slice;
    Blob.prototype.slice = function (...range) {
      const piece = slice.apply(this, range);
      if (this.size > 50e3) piece.arrayBuffer = () => Promise.reject(new DOMException('no room', 'NotReadableError'));
      return piece;
    };`, 'text/javascript');
  const fault = await page.evaluate(() => tryBase(at, { worker: () => new Worker('/full/worker.js', { type: 'module' }) }));
  assert.equal(fault.kind, 'memory', fault.message);
  assert.match(fault.message, /^download: the browser has no room for \d+ MB: .*no room; close other tabs or free space on the disk, then load it again$/);
});

test('opening can be stopped', { skip }, async () => {
  it.answers.set('/endless.gguf', (_, response) => {
    const timer = setInterval(() => response.write(Buffer.alloc(1 << 12)), 20);
    response.on('close', () => clearInterval(timer));
  });
  const fault = await page.evaluate(async () => {
    const controller = new AbortController();
    return tryBase('/endless.gguf', { signal: controller.signal, onProgress: () => controller.abort() });
  });
  assert.equal(fault.kind, 'cancelled');
});

test('files that are something else', { skip }, async () => {
  const model = bytes('model.safetensors');
  const config = JSON.parse(bytes('config.json'));
  const text = (o) => Buffer.from(typeof o === 'string' ? o : JSON.stringify(o));
  const cases = [
    [[], 'input', /no files/],
    [[['notes.txt', text('hello')]], 'input', /config\.json/],
    [[['model.gguf', text('GGUF')]], 'input', /gguf/i],
    [[['config.json', text('{"model_type":')], ['model.safetensors', model]], 'input', /config\.json/],
    [[['config.json', text({ ...config, model_type: 'bert' })], ['model.safetensors', model]], 'unsupported', /bert/],
    [[['config.json', text(config)], ['model.safetensors', model.subarray(0, model.length - 9)]], 'input', /safetensors/],
    [[['config.json', text(config)], ['model.safetensors', text('<html>')]], 'input', /safetensors/],
    [[['config.json', text(config)], ['pytorch_model.bin', Buffer.from([0x80, 2])]], 'input', /pickle/],
    [[['config.json', text({ ...config, hidden_size: 64 })], ['model.safetensors', model]], 'input', /want/],
  ];
  const got = await page.evaluate(async (cases) => {
    const out = [];
    for (const list of cases) out.push(await tryBase(files(list)));
    return out;
  }, cases.map(([list]) => packed(list.map(([name, bytes]) => ({ name, bytes })))));
  cases.forEach(([list, kind, says], i) => {
    assert.equal(got[i].kind, kind, `${list.map(([n]) => n)}: ${got[i].message}`);
    assert.match(got[i].message, says);
  });
});
