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

test('a GPU that is lost in a step is a fault, and can be opened anew', { skip }, async () => {
  const it = await open();
  try {
    const page = await setUp(it);
    await page.evaluate(async () => {
      window.h = await opened('gpu');
      window.running = h.adapt({ examples: rows, steps: 2000, onStep: () => (window.begun = true) }).then(() => null, tell);
    });
    await page.waitForFunction(() => window.begun);
    const [worker] = page.workers();
    await worker.evaluate(() => globalThis.__handful.gpu.device.destroy());
    const start = Date.now();
    const fault = await page.evaluate(() => running);
    assert.equal(fault?.kind, 'device-lost', fault?.message);
    assert.ok(Date.now() - start < 5000);
    const losses = await page.evaluate(async () => {
      await h.dispose();
      window.h = await opened('gpu');
      return (await h.adapt({ examples: rows, steps: 1 })).losses;
    });
    assert.ok(losses[0] > 0);
  } finally {
    await it.close();
  }
});
