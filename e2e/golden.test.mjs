// The golden vectors through createHandful, on both devices: a Llama's and two
// T5s' base, their losses, and ten steps of every method against PyTorch's.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip } from './lib/browser.mjs';
import { install, packed, unpacked } from './lib/bytes.mjs';
import { compare, family } from './lib/golden.mjs';
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
  await install(page);
  await page.evaluate(async (rows) => Object.assign(window, await import('/handful.mjs'), { rows }), Object.fromEntries(models.map((f) => [f.at, f.rows()])));
});
after(() => it?.close());

const models = ['llama_gqa', 't5_relu_tied', 't5_gated_untied'].map(family);

// The families that the quick run leaves out differ in products alone, which
// the conformance suite looks at.
const devices = ['cpu', 'gpu', ...(process.env.HANDFUL_SLOW ? ['cpu plain', 'cpu go', 'gpu tiled'] : [])];
for (const [name, golden] of devices.flatMap((d) => models.map((f) => [`${d}, ${f.name}`, f]))) {
  const [device, kernel] = name.split(',')[0].split(' ');
  test(`${name}: base`, { skip }, async () => {
    const { info, scores } = await page.evaluate(
      async ({ at, device, kernel }) => {
        const h = await createHandful({ base: at, device, kernel });
        const scores = await h.score({ examples: rows[at].slice(0, 4) });
        const info = h.info;
        await h.dispose();
        return { info, scores };
      },
      { at: golden.at, device, kernel },
    );
    assert.equal(info.device.kind, device);
    assert.deepEqual([info.layers, info.hidden, info.vocab, info.tokenizer], [2, 32, 96, false]);
    const want = golden.tensors('base_forward.safetensors');
    near(scores.loss, want.loss.data[0]);
    scores.rows.forEach((row, i) => near(row.nll_sum, want.nll_sum_per_example.data[i]));
  });

  test(`${name}: alignment`, { skip }, async () => {
    const got = await page.evaluate(
      async ({ at, device, kernel, inventory }) => {
        const h = await createHandful({ base: at, inventory: files(inventory), device, kernel });
        const tasks = [0, 1, 2].map((task_id) => rows[at].slice(4 * task_id, 4 * task_id + 4).map((row) => ({ ...row, task_id })));
        const done = [];
        const out = await h.alignment({ tasks: [tasks[0], { name: 'second', examples: tasks[1] }, tasks[2]], onTask: (n) => done.push(n) });
        const fault = await h.alignment({ tasks: tasks.slice(1), adapter: 'base' }).catch((e) => e.message);
        await h.dispose();
        return { ...out, done, fault };
      },
      { at: golden.at, device, kernel, inventory: packed(golden.inventory('s4')) },
    );
    const want = golden.tensors('s4/tfew_align.safetensors');
    assert.deepEqual(got.tasks, ['task 1', 'second', 'task 3']);
    got.grad_norm.forEach((norm, i) => near(norm, want['grad_alignment.grad_norm'].data[i]));
    got.cosine.flat().forEach((cosine, i) => near(cosine, want['grad_alignment.cosine'].data[i], 5e-5));
    assert.equal(got.done.at(-1), 3);
    assert.match(got.fault, /no A and B/);
  });

  test(`${name}: losses of T-Few and of Natural Instructions, and the choice between answers`, { skip }, async () => {
    const want = golden.tfew();
    const got = await page.evaluate(
      async ({ at, device, kernel, inventory, want, once }) => {
        const h = await createHandful({ base: at, inventory: files(inventory), device, kernel });
        const first = async (options) => {
          const fit = await h.adapt({ ...once, ...options });
          return { loss: fit.losses[0], norm: fit.steps[0].gradNorm };
        };
        const out = {
          tfew: await first({ examples: want.rows, method: 'mhr', routerInit: 'keep', loss: 'tfew' }),
          auto: await first({ examples: want.rows, method: 'mhr', routerInit: 'keep', loss: 'auto' }),
          ni: await first({ examples: rows[at].slice(0, 4), method: 'lora', loss: 'ni' }),
          each: (await h.score({ examples: want.each, adapter: 'routed' })).rows.map((r) => r.nll_mean),
          chosen: (await h.evaluate({ examples: want.rows, adapter: 'routed' })).rows.map((r) => r.got),
        };
        await h.dispose();
        return out;
      },
      { at: golden.at, device, kernel, inventory: packed(golden.inventory('s4')), want: { rows: want.rows, each: want.each }, once: { ...common, steps: 1, saveSteps: [] } },
    );
    near(got.tfew.loss, want.loss);
    assert.equal(got.auto.loss, got.tfew.loss);
    if (want.gradNorm) near(got.tfew.norm, want.gradNorm);
    near(got.ni.loss, golden.tensors('base_forward.safetensors').label_smoothed_loss_ni.data[0]);
    want.scores.forEach((score, i) => near(got.each[i], score));
    want.rows.forEach(({ options }, i) => {
      const scores = want.scores.slice(3 * i, 3 * i + 3);
      assert.equal(got.chosen[i], options[scores.indexOf(Math.min(...scores))].join(' '));
    });
  });

  const splits = golden === models[0] || process.env.HANDFUL_SLOW ? ['s1', 's4'] : ['s4']; // heads are the same for all models
  for (const split of splits) {
    for (const { dir, only, options } of runs) {
      if (only && (only !== split || !golden.json(`${split}/meta.json`)[dir])) continue;
      test(`${name}: ${split} ${dir}`, { skip }, async () => {
        const logits = dir === 'mhr_z' && golden.tensors(`${split}/${dir}/init_logits.safetensors`);
        const got = await page.evaluate(
          async ({ at, device, kernel, inventory, options }) => {
            const h = await createHandful({ base: at, inventory: files(inventory), device, kernel });
            const steps = [];
            const fit = await h.adapt({ examples: rows[at], ...options, onStep: (s) => steps.push(s.step) });
            const exported = (await fit.export()).filter((f) => f.name.endsWith('adapter_model.safetensors'));
            await h.dispose();
            return { losses: fit.losses, norms: fit.steps.map((s) => s.gradNorm), device: fit.device, dispatches: fit.dispatches, steps, files: pack(exported) };
          },
          { at: golden.at, device, kernel, inventory: packed(golden.inventory(split, logits)), options: { ...common, ...options } },
        );
        assert.equal(got.device.kind, device);
        assert.ok(got.dispatches > 0);
        assert.deepEqual(got.steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        const want = golden.json(`${split}/meta.json`)[dir];
        got.losses.forEach((loss, i) => assert.ok(Math.abs(loss - want.losses[i]) <= 2e-4, `loss ${i}: got ${loss}, want ${want.losses[i]}`));
        got.norms.forEach((norm, i) => near(norm, want.grad_norms[i], 2e-4));
        const exported = (name) => read(unpacked(got.files.find((f) => f.name === name)));
        for (const step of dir === 'mhr_full_sched' ? [10] : [1, 10]) {
          const stored = golden.tensors(`${split}/${dir}/step${step}.safetensors`);
          assert.equal(compare(exported(`step${step}/adapter_model.safetensors`), stored), '');
        }
        assert.equal(compare(exported('adapter_model.safetensors'), golden.tensors(`${split}/${dir}/step10.safetensors`)), '');
      });
    }
  }
}

function near(got, want, atol = 2e-5, rtol = 1e-4) {
  assert.ok(Math.abs(got - want) <= atol + rtol * Math.abs(want), `got ${got}, want ${want}`);
}
