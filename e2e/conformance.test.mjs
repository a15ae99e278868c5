// Every op, its gradient and the device's promises, in the browser: on the cpu
// device with each of its products, on WebGPU with both kernel families, and
// with bindings so small that weights are split.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { skip } from './lib/browser.mjs';
import { openTrial } from './lib/trial.mjs';

let it, page;
before(async () => {
  if (skip) return;
  [it, page] = await openTrial();
  await page.evaluate(async () => Object.assign(window, await import('/rpc.mjs')));
});
after(() => it?.close());

const slow = { slow: true }; // left out of the quick run: much the same as another
for (const [device, { slow: left } = {}] of [
  [{ kind: 'cpu', family: 'relaxed' }],
  [{ kind: 'cpu', family: 'plain' }],
  [{ kind: 'cpu', family: 'crew' }],
  [{ kind: 'cpu', family: 'go' }, slow],
  [{ kind: 'gpu', family: 'register' }],
  [{ kind: 'gpu', family: 'tiled' }],
  [{ kind: 'gpu', family: 'register', maxBinding: 64 << 10 }, slow], // quick tests split on Vulkan
  [{ kind: 'gpu', family: 'tiled', maxBinding: 64 << 10 }, slow],
]) {
  const why = skip || (left && !process.env.HANDFUL_SLOW ? 'takes long: set HANDFUL_SLOW=1' : false);
  test(Object.values(device).join(' '), { skip: why }, async (t) => {
    const got = await page.evaluate(async (device) => {
      const engine = new Engine('/trial/engine-worker.js');
      const { data } = await engine.call('conformance', { device });
      engine.close();
      return data;
    }, device);
    t.diagnostic(`${got.ran} cases on ${got.device.name}, ${got.device.family}`);
    assert.deepEqual([got.device.kind, got.device.family], [device.kind, device.family]);
    assert.ok(got.ran >= 10);
    assert.deepEqual(got.failed, []);
  });
}
