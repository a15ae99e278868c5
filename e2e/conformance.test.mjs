// Every op, its gradient and the device's promises, in the browser: on WebGPU
// with both kernel families, with small bindings, and on the cpu device.
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

for (const device of [
  { kind: 'cpu' },
  { kind: 'gpu', family: 'register' },
  { kind: 'gpu', family: 'tiled' },
  { kind: 'gpu', family: 'register', maxBinding: 64 << 10 },
  { kind: 'gpu', family: 'tiled', maxBinding: 64 << 10 },
]) {
  test(Object.values(device).join(' '), { skip }, async (t) => {
    const got = await page.evaluate(async (device) => {
      const engine = new Engine('/engine-worker.js');
      const { data } = await engine.call('conformance', { device });
      engine.close();
      return data;
    }, device);
    t.diagnostic(`${got.ran} cases on ${got.device.name}, ${got.device.family || got.device.backend}`);
    assert.equal(got.device.kind, device.kind);
    assert.ok(got.ran >= 10);
    assert.deepEqual(got.failed, []);
  });
}
