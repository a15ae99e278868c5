// The engine's Worker: starting, answering, refusing and dying.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip } from './lib/browser.mjs';
import { workerIn } from './lib/server.mjs';

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
  workerIn('/broken/', it.answers);
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
  assert.match(faults[1][1], /engine\.wasm: 404/);
});

test('fault 22: an engine that dies ends its calls with its last words', { skip }, async () => {
  // A program in place of Go's, which says what Go says when it dies.
  workerIn('/dying/', it.answers);
  it.answers.set('/dying/gpu-shim.js', (_, response) => response.end(''));
  it.answers.set('/dying/engine.wasm', (_, response) => response.end(Buffer.from([0, 97, 115, 109, 1, 0, 0, 0])));
  const dying = (words) => it.answers.set('/dying/wasm_exec.js', (_, response) => response.end(`
    globalThis.fs = { writeSync: (fd, bytes) => bytes.length };
    globalThis.Go = class {
      importObject = {};
      async run() {
        for (const line of ${JSON.stringify(words)}) globalThis.fs.writeSync(2, new TextEncoder().encode(line));
      }
    };`));
  const call = () => page.evaluate(() => new Engine('/dying/engine-worker.js').call('version').catch((e) => [e.kind, e.message]));
  dying(['starting\n', 'panic: index out of', ' range [3]\n\ngoroutine 1 [running]:\n', 'main.main()\n'.repeat(500)]);
  const [kind, message] = await call();
  assert.equal(kind, 'bug');
  assert.match(message, /^engine: the engine stopped: panic: index out of range \[3\];/);
  dying(['fatal error: out of memory\n']);
  assert.deepEqual((await call())[0], 'memory');
});
