// Fine-tuning through the JS API: what happens between its start and its end.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip } from './lib/browser.mjs';
import { install, packed } from './lib/bytes.mjs';
import * as golden from './lib/golden.mjs';

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await install(page);
  await page.evaluate(
    async ({ at, rows, inventory }) => {
      Object.assign(window, await import('/handful.mjs'), { rows });
      window.h = await createHandful({ base: at, inventory: files(inventory), device: 'cpu' });
      window.tell = (e) => ({ name: e.name, kind: e.kind, op: e.op, hint: e.hint, message: e.message });
      // Every step takes 400 rows: long enough to be stopped in.
      window.slow = { examples: Array(30).fill(rows).flat(), method: 'z', batch: 1200, steps: 40, warmup: 0 };
    },
    { at: golden.at, rows: golden.rows(), inventory: packed(golden.inventory('s4')) },
  );
});
after(() => it?.close());

test('the events tell everything, and no request leaves while it trains', { skip }, async () => {
  const asked = it.requests.length;
  const { events, fit } = await page.evaluate(async () => {
    const events = [];
    const fit = await h.adapt({ examples: rows, method: 'mu', steps: 6, batch: 8, holdout: 0.25, seed: 7, routingEvery: 2, saveSteps: [3], onEvent: (e) => events.push(e) });
    return { events, fit };
  });
  assert.equal(it.requests.length, asked);
  assert.deepEqual(events.filter((e) => e.step).map((e) => e.step.step), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([events[0].plan.train, events[0].plan.held, events[0].plan.steps], [30, 10, 6]);
  assert.deepEqual(events.filter((e) => e.score).map((e) => e.score.name), ['base', 'mean', 'adapted']);
  assert.equal(events.filter((e) => e.save).length, 1);
  assert.ok(fit.heldLosses.length > 0);
  assert.deepEqual(events.filter((e) => e.held).map((e) => e.held), fit.heldLosses);
  assert.deepEqual([fit.heldLosses.at(-1).step, fit.kept], [6, 6]);
  assert.deepEqual(fit.scores.map((s) => s.n), [10, 10, 10]);
  assert.ok(fit.losses.at(-1) < fit.losses[0], `loss fell: ${fit.losses}`);
  assert.equal(fit.stopped, false);
});

test('fault 42: the same seed gives the same losses', { skip }, async () => {
  const [a, b, c] = await page.evaluate(async () => {
    const run = async (seed) => (await h.adapt({ examples: rows, method: 'z', steps: 3, seed })).losses;
    return [await run(1), await run(1), await run(2)];
  });
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
});

test('routing tells the mixture of every site', { skip }, async () => {
  const { steps, routing } = await page.evaluate(async () => {
    const steps = [];
    const fit = await h.adapt({ examples: rows, method: 'z', steps: 4, routingEvery: 2, onEvent: (e) => e.routing && steps.push(e.routing.step) });
    return { steps, routing: fit.routing };
  });
  assert.equal(steps.at(-1), 4);
  assert.equal(routing.sites.length, 14);
  assert.deepEqual([routing.w.length, routing.w[0].length, routing.w[0][0].length], [14, 4, 4]);
  for (const head of routing.w.flat()) assert.ok(Math.abs(head.reduce((a, b) => a + b) - 1) < 1e-5);
});

test('fault 37: stop ends within a step and keeps what was learned', { skip }, async () => {
  const got = await page.evaluate(async () => {
    let seen = 0;
    const fit = await h.adapt({ ...slow, onStep: ({ step }) => step === 2 && ((seen = step), h.stop()) });
    const score = await h.score({ examples: rows.slice(0, 2), adapter: fit });
    return { seen, steps: fit.losses.length, stopped: fit.stopped, files: (await fit.export()).map((f) => f.name), loss: score.loss, ms: fit.steps[0].ms };
  });
  assert.ok(got.ms > 100, `a step of ${got.ms} ms is too short for this test`);
  assert.ok(got.steps <= got.seen + 1, `${got.steps} steps, stopped at ${got.seen}`);
  assert.equal(got.stopped, true);
  assert.ok(got.files.includes('adapter_model.safetensors'));
  assert.ok(got.loss > 0);
});

test('an aborted signal rejects within a step, and the engine goes on', { skip }, async () => {
  const got = await page.evaluate(async () => {
    const controller = new AbortController();
    let at;
    const error = await h.adapt({ ...slow, signal: controller.signal, onStep: () => { at ??= performance.now(); controller.abort(); } }).catch(tell);
    const ms = performance.now() - at;
    const late = await h.adapt({ ...slow, signal: controller.signal }).catch(tell);
    return { error, late, ms, next: (await h.adapt({ examples: rows, steps: 1 })).losses.length };
  });
  assert.deepEqual([got.error.name, got.error.kind], ['AbortError', 'cancelled']);
  assert.deepEqual([got.late.name, got.late.kind], ['AbortError', 'cancelled']);
  assert.ok(got.ms < 2000, `took ${got.ms} ms`);
  assert.equal(got.next, 1);
});

test('scoring can be stopped while it computes', { skip }, async () => {
  const got = await page.evaluate(async () => {
    const examples = Array(200).fill(rows).flat();
    const start = performance.now();
    await h.score({ examples });
    const whole = performance.now() - start;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), whole / 10);
    const begun = performance.now();
    const error = await h.score({ examples, signal: controller.signal }).catch(tell);
    return { error, whole, took: performance.now() - begun };
  });
  assert.equal(got.error.kind, 'cancelled');
  assert.ok(got.took < got.whole, `stopped after ${got.took} of ${got.whole} ms`);
});

test('fault 37: a second adapt is refused while one runs; the first goes on', { skip }, async () => {
  const got = await page.evaluate(async () => {
    let second;
    const first = await h.adapt({ ...slow, onStep: ({ step }) => {
      if (step === 1) second = h.adapt({ examples: rows, steps: 1 }).catch(tell);
      if (step === 3) h.stop();
    } });
    return { steps: first.losses.length, second: await second };
  });
  assert.ok(got.steps >= 3);
  assert.equal(got.second.kind, 'input');
  assert.match(got.second.message, /busy/);
});

test('an error in a callback stops the call and comes out of it', { skip }, async () => {
  const message = await page.evaluate(() => h.adapt({ ...slow, onStep() { throw new RangeError('mine'); } }).catch((e) => `${e.name}: ${e.message}`));
  assert.equal(message, 'RangeError: mine');
});

test('options out of place are one clear line', { skip }, async () => {
  const cases = [
    [{ steps: 0 }, /steps/], [{ steps: 'ten' }, /steps: got a string, want int/], [{ stpes: 3 }, /unknown option "stpes"/], [{ method: 'magic' }, /magic/],
    [{ holdout: 2 }, /holdout/], [{ lr: -1 }, /lr/], [{ saveSteps: [99] }, /save/], [{ examples: [] }, /no examples/], [{ examples: 5 }, /text or an array/],
    [{ examples: [{ input_ids: [1, 96], labels: [-100, 1] }] }, /96/], [{ examples: [{ input_ids: [1, 2], labels: [1] }] }, /labels/],
    [{ examples: 'text => label' }, /tokenizer/], [{ method: 'mhr', examples: [{ input_ids: [1, 2], labels: [-100, 2], task_id: 9 }], routerInit: 'keep' }, /9/],
  ];
  const got = await page.evaluate(async (cases) => {
    const out = [];
    for (const o of cases) out.push(await h.adapt({ examples: rows, steps: 2, ...o }).then(() => null, tell));
    return out;
  }, cases.map(([o]) => o));
  cases.forEach(([options, says], i) => {
    assert.ok(got[i], `${JSON.stringify(options)} was taken`);
    assert.equal(got[i].kind, 'input', got[i].message);
    assert.match(got[i].message, says);
    assert.ok(!got[i].message.includes('\n'));
  });
});

test('dispose ends what waits', { skip }, async () => {
  const got = await page.evaluate(async () => {
    const running = h.adapt(slow).catch(tell);
    await new Promise((r) => setTimeout(r, 300));
    await h.dispose();
    return [await running, await h.score({ examples: rows }).catch(tell)];
  });
  for (const error of got) assert.equal(error.kind, 'cancelled');
});
