// What the page weighs and what a training step asks of the browser, in counts,
// which no busy machine disturbs. A budget is what it was when it was set; a
// smaller count may become the budget, a larger one wants a reason.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { open, skip } from './lib/browser.mjs';
import { root, workerIn } from './lib/server.mjs';

/** KB, gzip -9: as measured when set, and 2 % more. */
const weight = { 'engine.wasm': 2826, 'ui.wasm': 1453 };

for (const [name, most] of Object.entries(weight)) {
  const file = path.join(root, 'dist/site', name);
  test(`${name} weighs at most ${most} KB`, { skip: existsSync(file) ? false : 'no page in dist/site: run `make build`' }, (t) => {
    const kb = gzipSync(readFileSync(file), { level: 9 }).length / 1000;
    t.diagnostic(`${kb.toFixed(0)} KB`);
    assert.ok(kb <= most, `${kb.toFixed(0)} KB, the budget is ${most}`);
  });
}

// Laid before the engine's own shim: counts what is made and asked for, and
// tells it to who asks by a channel.
const counting = `
const counts = { made: 0, dispatches: 0, writes: 0, bytes: 0 };
const around = (of, names, note) => {
  for (const name of names) {
    const inner = of.prototype[name];
    if (inner) of.prototype[name] = function (...given) { note(given); return inner.apply(this, given); };
  }
};
around(GPUDevice, ['createBuffer', 'createTexture', 'createSampler', 'createBindGroup', 'createBindGroupLayout', 'createPipelineLayout',
  'createShaderModule', 'createComputePipeline', 'createComputePipelineAsync', 'createQuerySet'], () => counts.made++);
around(GPUComputePassEncoder, ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'], () => counts.dispatches++);
around(GPUQueue, ['writeBuffer'], ([, , data, from = 0, size]) => {
  counts.writes++;
  counts.bytes += size === undefined ? data.byteLength - from : size * (data.BYTES_PER_ELEMENT ?? 1);
});
const channel = new BroadcastChannel('counts');
channel.onmessage = ({ data }) => data === 'tell' && channel.postMessage({ ...counts });
`;

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  workerIn('/counted/', it.answers);
  const shim = readFileSync(path.join(root, 'dist/site/gpu-shim.js'), 'utf8');
  it.answers.set('/counted/gpu-shim.js', (_, response) => response.end(counting + shim));
  it.answers.set('/counted/engine.wasm', '/engine.wasm');
  page = await it.page();
});
after(() => it?.close());

for (const [method, dispatches] of [['z', 604], ['mu', 380]]) {
  test(`a step of ${method} on WebGPU makes nothing and is at most ${dispatches} dispatches`, { skip }, async (t) => {
    const step = await page.evaluate(async (method) => {
      const { createHandful } = await import('/handful.mjs');
      const channel = new BroadcastChannel('counts');
      const tell = () => new Promise((resolve) => ((channel.onmessage = ({ data }) => data.made !== undefined && resolve(data)), channel.postMessage('tell')));
      const h = await createHandful({ base: '/pocket/base/', inventory: '/pocket/inventory/', device: 'gpu', worker: () => new Worker('/counted/engine-worker.js', { type: 'module' }) });
      const ids = Array.from({ length: 16 }, (_, i) => (i * 37) % h.info.vocab);
      const row = { input_ids: ids, labels: ids.map((id, i) => (i < 12 ? -100 : id)) };
      const run = async (steps) => {
        const from = await tell();
        const fit = await h.adapt({ examples: [row, row], method, batch: 2, steps, order: 'file', routerInit: 'mean' });
        const to = await tell();
        await fit.free();
        return { ...Object.fromEntries(Object.keys(to).map((k) => [k, to[k] - from[k]])), plan: fit.dispatches };
      };
      await run(1); // what is made once for all runs
      const [few, more] = [await run(2), await run(5)];
      await h.dispose();
      channel.close();
      return { ...Object.fromEntries(Object.keys(few).map((k) => [k, (more[k] - few[k]) / 3])), plan: more.plan };
    }, method);
    t.diagnostic(JSON.stringify(step));
    assert.equal(step.made, 0);
    assert.equal(step.dispatches, step.plan, 'what the browser is asked for is what the plan says');
    assert.ok(step.dispatches > 0 && step.dispatches <= dispatches, `${step.dispatches} dispatches, the budget is ${dispatches}`);
    assert.ok(step.bytes > 0 && step.bytes <= 1028, `${step.bytes} bytes in ${step.writes} writes, the budget is 1028`);
  });
}
