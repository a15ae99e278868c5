// The golden vectors through window.createHandful, on both devices: the base,
// and ten steps of every method against PyTorch's.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip } from './lib/browser.mjs';
import * as golden from './lib/golden.mjs';
import { read } from './lib/safetensors.mjs';

const runs = [
  { dir: 'mhr_full', options: { method: 'mhr', routerInit: 'keep' } },
  { dir: 'mhr_z', options: { method: 'z', routerInit: 'task:0' } },
  { dir: 'mhr_mu', options: { method: 'mu' } },
  { dir: 'mhr_full_sched', only: 's4', options: { method: 'mhr', routerInit: 'keep', clip: 0.1, warmup: 2, schedule: 'linear' } },
];
const common = { steps: 10, batch: 4, order: 'file', lr: 1e-3, routerLr: 0.1, weightDecay: 0.01, clip: 0, warmup: 0, schedule: 'constant', saveSteps: [1, 10] };

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await page.evaluate(async (rows) => {
    Object.assign(window, await import('/handful.mjs'), { rows });
    window.bytesOf = (files) => files.map(({ name, bytes }) => ({ name, bytes: new Uint8Array(bytes) }));
  }, golden.rows());
});
after(() => it?.close());

for (const device of ['cpu', 'gpu']) {
  test(`${device}: base`, { skip }, async () => {
    const { info, scores } = await page.evaluate(
      async ({ at, device }) => {
        const h = await createHandful({ base: at, device });
        const scores = await h.score({ examples: rows.slice(0, 4) });
        const info = h.info;
        await h.dispose();
        return { info, scores };
      },
      { at: golden.at, device },
    );
    assert.equal(info.device.kind, device);
    assert.deepEqual([info.layers, info.hidden, info.vocab, info.tokenizer], [2, 32, 96, false]);
    const want = golden.tensors('base_forward.safetensors');
    near(scores.loss, want.loss.data[0]);
    scores.rows.forEach((row, i) => near(row.nll_sum, want.nll_sum_per_example.data[i]));
  });

  for (const split of ['s1', 's4']) {
    for (const { dir, only, options } of runs) {
      if (only && only !== split) continue;
      test(`${device}: ${split} ${dir}`, { skip }, async () => {
        const logits = dir === 'mhr_z' && golden.tensors(`${split}/${dir}/init_logits.safetensors`);
        const got = await page.evaluate(
          async ({ at, device, inventory, options }) => {
            const h = await createHandful({ base: at, inventory: bytesOf(inventory), device });
            const steps = [];
            const fit = await h.adapt({ examples: rows, ...options, onStep: (s) => steps.push(s.step) });
            const files = (await fit.export()).map(({ name, bytes }) => ({ name, bytes: Array.from(bytes) }));
            await h.dispose();
            return { losses: fit.losses, norms: fit.steps.map((s) => s.gradNorm), device: fit.device, dispatches: fit.dispatches, steps, files };
          },
          { at: golden.at, device, inventory: golden.inventory(split, logits), options: { ...common, ...options } },
        );
        assert.equal(got.device.kind, device);
        assert.ok(got.dispatches > 0);
        assert.deepEqual(got.steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        const want = golden.json(`${split}/meta.json`)[dir];
        got.losses.forEach((loss, i) => assert.ok(Math.abs(loss - want.losses[i]) <= 2e-4, `loss ${i}: got ${loss}, want ${want.losses[i]}`));
        got.norms.forEach((norm, i) => near(norm, want.grad_norms[i], 2e-4));
        const exported = (name) => read(Uint8Array.from(got.files.find((f) => f.name === name).bytes));
        for (const step of dir === 'mhr_full_sched' ? [10] : [1, 10]) {
          const stored = golden.tensors(`${split}/${dir}/step${step}.safetensors`);
          assert.equal(golden.compare(exported(`step${step}/adapter_model.safetensors`), stored), '');
        }
        assert.equal(golden.compare(exported('adapter_model.safetensors'), golden.tensors(`${split}/${dir}/step10.safetensors`)), '');
      });
    }
  }
}

function near(got, want, atol = 2e-5, rtol = 1e-4) {
  assert.ok(Math.abs(got - want) <= atol + rtol * Math.abs(want), `got ${got}, want ${want}`);
}
