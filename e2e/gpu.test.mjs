// Browsers without WebGPU, and a GPU that goes away.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip } from './lib/browser.mjs';
import { install, packed } from './lib/bytes.mjs';
import * as golden from './lib/golden.mjs';

const setUp = async (it) => {
  const page = await it.page();
  await install(page);
  await page.evaluate(
    async ({ at, rows, inventory }) => {
      Object.assign(window, await import('/handful.mjs'), { rows });
      window.opened = (device) => createHandful({ base: at, inventory: files(inventory), device });
      window.tell = (e) => ({ kind: e.kind, message: e.message });
    },
    { at: golden.at, rows: golden.rows(), inventory: packed(golden.inventory('s4')) },
  );
  return page;
};

test('fault 01: without WebGPU, gpu is a fault and auto is the cpu, with the reason', { skip }, async () => {
  const it = await open({ args: ['--disable-features=WebGPU', '--disable-gpu'] });
  try {
    const page = await setUp(it);
    const got = await page.evaluate(async () => {
      const h = await opened('auto');
      const { losses } = await h.adapt({ examples: rows, steps: 1 });
      await h.dispose();
      return { fault: await opened('gpu').catch(tell), info: h.info, losses };
    });
    assert.equal(got.fault.kind, 'no-gpu', got.fault.message);
    assert.equal(got.info.device.kind, 'cpu');
    assert.match(got.info.deviceWhy, /./);
    assert.ok(got.losses[0] > 0);
  } finally {
    await it.close();
  }
});

test('fault 02: where the only adapter computes on the CPU, auto is the cpu and says so', { skip }, async () => {
  const it = await open();
  try {
    const page = await setUp(it);
    const info = await page.evaluate(async () => {
      const h = await opened('auto');
      await h.dispose();
      return h.info;
    });
    assert.equal(info.device.kind, 'cpu');
    assert.match(info.deviceWhy, /swiftshader/i);
  } finally {
    await it.close();
  }
});

test('fault 05: a GPU that is lost in a step is opened again, and the run goes on', { skip }, async () => {
  const it = await open();
  try {
    const page = await setUp(it);
    const steps = 16;
    const whole = await page.evaluate(async (steps) => {
      const h = await opened('gpu');
      const { losses } = await h.adapt({ examples: rows, steps });
      await h.dispose();
      return losses;
    }, steps);
    const adapt = (steps) => page.evaluate((steps) => {
      Object.assign(window, { lost: [], done: 0 });
      window.running = h.adapt({
        examples: rows, steps, snapshotEvery: 0.5, onStep: ({ step }) => (window.done = step), onEvent: (e) => e.lost && window.lost.push(e.lost),
      }).then(({ losses, device }) => ({ losses, device }), tell);
    }, steps);
    await page.evaluate(async () => void (window.h = await opened('gpu')));
    await adapt(steps);
    await page.waitForFunction(() => window.done > 5);
    await page.workers().at(-1).evaluate(() => globalThis.__handful.gpu.device.destroy());
    const { losses, device, message } = await page.evaluate(() => running);
    assert.equal(message, undefined);
    const lost = await page.evaluate(() => window.lost);
    assert.equal(lost.length, 1);
    assert.ok(lost[0].step >= 0 && lost[0].step <= steps, `goes on after step ${lost[0].step}`);
    assert.equal(device.kind, 'gpu');
    assert.equal(losses.length, steps);
    losses.forEach((x, i) => assert.ok(Math.abs(x - whole[i]) < 1e-4, `step ${i + 1}: loss ${x}, never lost ${whole[i]}`));

    // Again and again: a fault with a next step, and what is open can be used.
    await adapt(5000);
    let ended = false;
    const ending = page.evaluate(() => running).finally(() => (ended = true));
    await page.waitForFunction(() => window.done > 0);
    while (!ended) {
      await page.workers().at(-1).evaluate(() => globalThis.__handful.gpu.device.destroy());
      await page.waitForTimeout(500);
    }
    const fault = await ending;
    assert.equal(fault.kind, 'device-lost', fault.message);
    assert.match(fault.message, /; /);
    const again = await page.evaluate(async (steps) => (await h.adapt({ examples: rows, steps })).losses, 2);
    assert.ok(Math.abs(again[1] - whole[1]) < 1e-4);
  } finally {
    await it.close();
  }
});
