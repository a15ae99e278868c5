// The benchmark harness (bench/): its list names what is there, and its sides
// give numbers that agree. The peers are not run here: they are not installed.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { InBrowser } from '../bench/lib/sides.mjs';
import { smallModel } from '../bench/lib/model.mjs';
import { measures } from '../bench/measures.mjs';
import { open, skip } from './lib/browser.mjs';
import { noModel, root } from './lib/server.mjs';

const room = path.join(root, 'bench');

test('every target names sides of its measure, and every side a module that is there', () => {
  for (const quick of [true, false]) {
    const all = measures({ quick, small: '/small/' });
    assert.equal(new Set(all.map((m) => m.name)).size, all.length);
    for (const { name, sides, targets, values } of all) {
      const names = sides.map((s) => s.name);
      assert.equal(new Set(names).size, names.length, name);
      assert.ok(targets.length > 0, name);
      for (const t of targets) {
        assert.ok(names.includes(t.ours) && (t.peer === undefined || names.includes(t.peer)), `${name}: ${JSON.stringify(t)}`);
        assert.ok([...values, 'peakBytes'].includes(t.value) && (t.reach > 0) !== (t.most > 0), `${name}: ${JSON.stringify(t)}`);
      }
      for (const { module } of sides) assert.ok(module === undefined || existsSync(path.join(room, 'sides', module)), `${name}: ${module}`);
    }
  }
});

test('peers are pinned, and their addresses are not in the lock file', () => {
  const { devDependencies } = JSON.parse(readFileSync(path.join(room, 'package.json'), 'utf8'));
  for (const version of Object.values(devDependencies)) assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.ok(!readFileSync(path.join(room, 'package-lock.json'), 'utf8').includes('://registry'));
});

let it;
before(async () => {
  if (!skip) it = await open();
});
after(() => it?.close());

const run = async (side) => {
  const about = await side.open(it);
  const sample = await side.sample();
  await side.close();
  return { about, ...sample };
};

test('a LoRA step has its time, its processor time and its memory', { skip }, async (t) => {
  const side = new InBrowser('cpu', 'handful.mjs', { kind: 'step', base: smallModel(), device: 'cpu', method: 'lora', rank: 8, targets: ['q_proj', 'v_proj'], batch: 1, tokens: 16, steps: 3 });
  const got = await run(side);
  t.diagnostic(JSON.stringify(got));
  assert.ok(Math.abs(got.about.check - Math.log(2048)) < 2, `a model of random weights has a loss of ${got.about.check}`);
  assert.ok(got.ms > 0);
  if (process.platform === 'linux') assert.ok(got.cpuMs >= 0 && got.cpuMs !== null && got.peakBytes > 50e6, JSON.stringify(got));
});

test('a prompt has as many tokens as it is said to have', { skip: skip || noModel }, async () => {
  const page = await it.page();
  const learned = await page.evaluate(async () => {
    const [{ createHandful }, { prompt }] = [await import('/handful.mjs'), await import('/bench/sides/work.mjs')];
    const h = await createHandful({ base: '/base.gguf', device: 'cpu' });
    const { table } = await h.preview({ examples: [3, 7, 64].map((n) => ({ input: 'x', output: prompt(n, n).trim() })) });
    await h.dispose();
    return table.map((row) => row.learn);
  });
  // an answer is learned with the token that ends it
  assert.deepEqual(learned.map((n) => n - learned[0]), [0, 4, 61]);
});

test('the two kernels by hand compute the same product', { skip }, async () => {
  const [a, b] = [await run(new InBrowser('a', 'raw-product.mjs', { kernel: 'registers', products: 1 })), await run(new InBrowser('b', 'raw-product.mjs', { kernel: 'tiled', products: 1 }))];
  assert.ok(Math.abs(a.about.check - b.about.check) < 1e-3 && a.about.check !== 0, `${a.about.check} and ${b.about.check}`);
});
