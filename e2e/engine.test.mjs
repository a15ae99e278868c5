// The engine's Worker: starting, answering, refusing and dying.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip } from './lib/browser.mjs';

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await page.evaluate(async () => Object.assign(window, await import('/rpc.mjs')));
});
after(() => it?.close());

test('a call that comes before the engine listens is answered', { skip }, async () => {
  const version = await page.evaluate(async () => {
    window.engine = new Engine('/engine-worker.js');
    return (await engine.call('version')).data;
  });
  assert.match(version.go, /^go1\./);
});

test('a wrong message is a fault and hurts nobody', { skip }, async () => {
  const faults = await page.evaluate(async () => {
    const tell = (e) => ({ name: e.name, kind: e.kind, message: e.message });
    const out = [await engine.call('nonsense').catch(tell), await engine.call('x'.repeat(1000)).catch(tell)];
    const worker = new Worker('/engine-worker.js', { type: 'module' });
    const answers = [];
    worker.onmessage = ({ data }) => answers.push(JSON.parse(data.msg));
    for (const odd of [null, 7, 'text', {}, { msg: 5 }, { msg: '{' }, { msg: '{}', blobs: 'no' }, { msg: '{"id":1}', blobs: [] }, []]) worker.postMessage(odd);
    worker.postMessage({ msg: '{"id":9,"method":"version"}' });
    while (!answers.some((a) => a.id === 9)) await new Promise((r) => setTimeout(r, 20));
    worker.terminate();
    return { out, answers };
  });
  assert.deepEqual(faults.out.map((f) => [f.name, f.kind]), [['HandfulError', 'input'], ['HandfulError', 'input']]);
  assert.match(faults.out[0].message, /unknown method "nonsense"/);
  assert.equal(faults.answers.filter((a) => a.kind === 'fault' && a.err.kind === 'input').length, 9);
  assert.equal(faults.answers.at(-1).kind, 'done');
});

test('an engine that cannot start says so', { skip }, async () => {
  it.answers.set('/broken/engine.wasm', (_, response) => response.writeHead(404).end());
  for (const script of ['engine-worker.js', 'wasm_exec.js', 'gpu-shim.js']) {
    it.answers.set(`/broken/${script}`, `/${script}`);
  }
  const faults = await page.evaluate(async () => {
    const tell = (e) => [e.kind, e.message];
    const none = new Engine('/none.js');
    const broken = new Engine('/broken/engine-worker.js');
    return [await none.call('version').catch(tell), await broken.call('version').catch(tell), await broken.call('version').catch(tell)];
  });
  for (const [kind, message] of faults) {
    assert.equal(kind, 'bug');
    assert.match(message, /engine/);
  }
});
