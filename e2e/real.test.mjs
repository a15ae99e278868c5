// The real model in the browser: SmolLM2-135M from its GGUF file, weights
// quantised as they are, with the shipped inventory.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip as noBrowser } from './lib/browser.mjs';
import { noModel } from './lib/server.mjs';

const skip = noBrowser || noModel;

// "The capital of France is Paris. It is the largest city in the country and
// lies on the river Seine. Every year, millions of tourists visit the Eiffel
// Tower and the Louvre museum."
const sentence = [
  504, 3575, 282, 4649, 314, 7042, 30, 657, 314, 260, 3995, 2240, 281, 260, 1798, 284, 5721, 335, 260, 4626, 1268, 462, 30,
  5081, 713, 28, 5711, 282, 14623, 3048, 260, 414, 46682, 18669, 284, 260, 5991, 36462, 6508, 30,
];
const row = (from, to) => ({ input_ids: sentence.slice(from, to), labels: sentence.slice(from, to).map((id, i) => (i < 4 ? -100 : id)) });

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await page.evaluate(async () => {
    Object.assign(window, await import('/handful.mjs'));
    window.opened = (more) => createHandful({ base: '/base.gguf', inventory: '/assets/inventory/smollm2-135m-mhr/', ...more });
  });
});
after(() => it?.close());

test('cpu: a sentence has the likelihood that it has in PyTorch; Germany has a capital', { skip }, async (t) => {
  const got = await page.evaluate(async (sentence) => {
    const h = await createHandful({ base: '/base.gguf', device: 'cpu' });
    const { loss } = await h.score({ examples: [{ input_ids: sentence, labels: sentence }] });
    let text = '';
    for await (const piece of h.generate('The capital of Germany is', { raw: true, maxTokens: 2 })) text += piece;
    await h.dispose();
    return { loss, text, info: h.info };
  }, sentence);
  t.diagnostic(`loss ${got.loss.toFixed(4)}, ${JSON.stringify(got.text)} on ${got.info.device.name}`);
  assert.ok(Math.abs(got.loss - 1.657) <= 0.005, `loss ${got.loss}, want 1.657`);
  assert.ok(got.text.startsWith(' Berlin'), got.text);
  assert.deepEqual([got.info.layers, got.info.hidden, got.info.vocab, got.info.quant], [30, 576, 49152, 'Q4_1']);
});

test('gpu: two steps of z and one of mu as on cpu, with bindings of 128 MiB', { skip }, async (t) => {
  const runs = [{ device: 'cpu' }, { device: 'gpu', maxBinding: 128 << 20 }];
  if (process.env.HANDFUL_SLOW) runs.push({ device: 'gpu' });
  const got = [];
  for (const options of runs) {
    got.push(await page.evaluate(async ({ options, examples }) => {
      const h = await opened(options);
      const common = { examples, batch: 2, order: 'file', warmup: 0 };
      const z = await h.adapt({ ...common, method: 'z', steps: 2, routerInit: 'mean' });
      const mu = await h.adapt({ ...common, method: 'mu', steps: 1 });
      await h.dispose();
      return { losses: [...z.losses, ...mu.losses], ms: z.steps.map((s) => Math.round(s.ms)), device: z.device };
    }, { options, examples: [row(0, 12), row(12, 28)] }));
    t.diagnostic(`${JSON.stringify(options)}: ${got.at(-1).losses.map((l) => l.toFixed(4))} on ${got.at(-1).device.name}, ${got.at(-1).ms} ms`);
  }
  for (const { losses, device } of got.slice(1)) {
    assert.equal(device.kind, 'gpu');
    losses.forEach((loss, i) => assert.ok(Math.abs(loss - got[0].losses[i]) <= 1e-3, `loss ${i}: got ${loss}, on cpu ${got[0].losses[i]}`));
  }
});

test('cpu: sixteen examples make it better on rows it has not seen', { skip }, async (t) => {
  const got = await page.evaluate(async () => {
    const text = async (name) => (await fetch(`/assets/samples/wn_verb_supersense.${name}.jsonl`)).text();
    const h = await opened({ device: 'cpu' });
    const [examples, held] = [await text('train'), await text('held')];
    const base = await h.score({ examples: held, adapter: 'base' });
    // All rows in every step: the loss is that of the same rows.
    const common = { examples, batch: 16, warmup: 0, schedule: 'constant', seed: 1 };
    const z = await h.adapt({ ...common, method: 'z', steps: 4 });
    const mu = await h.adapt({ ...common, method: 'mu', steps: 6 });
    const adapted = await h.score({ examples: held });
    await h.dispose();
    return { z: z.losses, mu: mu.losses, base: base.loss, adapted: adapted.loss, ms: mu.steps.map((s) => Math.round(s.ms)) };
  });
  t.diagnostic(JSON.stringify(got));
  assert.ok(got.z.at(-1) < got.z[0], `z: ${got.z}`);
  assert.ok(got.mu.at(-1) < got.mu[0] - 0.5, `mu: ${got.mu}`);
  assert.ok(got.adapted < got.base, `held-out loss: ${got.adapted}, base ${got.base}`);
});

// The whole job, as a person does it, takes about half an hour.
const long = skip || (process.env.HANDFUL_SLOW ? false : 'takes long: set HANDFUL_SLOW=1');
for (const task of ['sms_spam', 'wn_verb_supersense']) {
  test(`cpu: ${task}, z and mu with their defaults`, { skip: long }, async (t) => {
    const got = await page.evaluate(async (task) => {
      const text = async (name) => (await fetch(`/assets/samples/${task}.${name}.jsonl`)).text();
      const h = await opened({ device: 'cpu' });
      const [examples, held] = [await text('train'), await text('held')];
      const out = {};
      for (const method of ['z', 'mu']) {
        const fit = await h.adapt({ examples, held, method, seed: 1 });
        out[method] = { losses: fit.losses, scores: Object.fromEntries(fit.scores.map((s) => [s.name, s.balanced])) };
        await fit.free();
      }
      await h.dispose();
      return out;
    }, task);
    for (const method of ['z', 'mu']) {
      const { losses, scores } = got[method];
      const mean = (part) => part.reduce((a, b) => a + b) / part.length;
      t.diagnostic(`${method}: loss ${mean(losses.slice(0, 4)).toFixed(3)} to ${mean(losses.slice(-4)).toFixed(3)}; balanced accuracy ${JSON.stringify(scores)}`);
      assert.ok(mean(losses.slice(-4)) < mean(losses.slice(0, 4)), `${method}: ${losses}`);
    }
    const { base, mean, adapted } = got.mu.scores;
    assert.ok(adapted > base && adapted > mean, JSON.stringify(got.mu.scores));
  });
}
