// Random faults at random operations, and one session after another, in the
// browser: nothing is lost, silently wrong or left behind.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { skip } from './lib/browser.mjs';
import { root } from './lib/server.mjs';
import { openTrial } from './lib/trial.mjs';

const slow = Boolean(process.env.HANDFUL_SLOW);
const files = ['base', 'inventory'].flatMap((of) => readdirSync(path.join(root, 'assets/pocket', of)).map((name) => `${of}/${name}`));

let it, page;
before(async () => {
  if (skip) return;
  [it, page] = await openTrial();
  await page.evaluate(async (files) => {
    const { Engine } = await import('/rpc.mjs');
    window.trial = async (method, device, rounds) => {
      const blobs = await Promise.all(files.map(async (f) => (await fetch('/pocket/' + f)).blob()));
      const engine = new Engine('/trial/engine-worker.js');
      let last = performance.now();
      let longest = 0;
      const { data } = await engine.call(method, { device, rounds, files }, { blobs, on: () => ((longest = Math.max(longest, performance.now() - last)), (last = performance.now())) });
      engine.close();
      return { ...data, longest };
    };
  }, files);
});
after(() => it?.close());

// WebGPU computes on the cpu here and compiles for seconds: it waits for test-all.
const notNow = (quick) => skip || (quick || slow ? false : 'takes long: set HANDFUL_SLOW=1');

for (const [device, quick, long] of [['cpu', 20, 470], ['gpu', 0, 30]]) {
  test(`${device}: random faults`, { skip: notNow(quick) }, async (t) => {
    const rounds = slow ? long : quick;
    const { ends, wrong, longest } = await page.evaluate(([device, rounds]) => trial('campaign', device, rounds), [device, rounds]);
    t.diagnostic(`${rounds} rounds: ${JSON.stringify(ends)}; the longest took ${(longest / 1e3).toFixed(1)} s`);
    assert.deepEqual(wrong ?? [], []);
    assert.equal(Object.values(ends).reduce((a, b) => a + b), rounds);
    assert.ok(ends.finished > rounds / 4);
  });
}

for (const [device, quick, long] of [['cpu', 12, 250], ['gpu', 0, 50]]) {
  test(`${device}: one session after another`, { skip: notNow(quick) }, async (t) => {
    const rounds = slow ? long : quick;
    const { alive } = await page.evaluate(([device, rounds]) => trial('endure', device, rounds), [device, rounds]);
    t.diagnostic(`${rounds} rounds: ${(alive[5] / 1e6).toFixed(1)} MB after 6, ${(alive.at(-1) / 1e6).toFixed(1)} MB at the end`);
    assert.equal(alive.length, rounds);
    assert.ok(alive.at(-1) < 1.1 * alive[5] + (1 << 20), `${alive.at(-1)} bytes are alive, ${alive[5]} after six rounds`);
  });
}
