// Measures handful and its peers side by side: everything of one measure is open
// at once, in the same browser, and sampled in turns.
//
//   node bench/run.mjs [--only NAME,…] [--repeats N] [--quick] [--out FILE]
//
// A side that fails, or takes too long, is left out with its reason. Results go
// into the file after every measure, beside those of others that are there: what
// was broken off is gone on with by --only. `go run ./cmd/benchdoc -browser FILE
// docs/performance.md` makes the page of them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { open, skip } from '../e2e/lib/browser.mjs';
import { root, workerIn } from '../e2e/lib/server.mjs';
import { smallModel } from './lib/model.mjs';
import { measures } from './measures.mjs';

/** How long opening a side with its warm-up, and one sample of it, may take, in ms. */
const patience = { open: 6 * 60_000, sample: 3 * 60_000 };

const { values: flags } = parseArgs({
  options: { only: { type: 'string' }, repeats: { type: 'string' }, quick: { type: 'boolean' }, out: { type: 'string', default: 'dist/bench/browser.json' } },
});
const repeats = Number(flags.repeats ?? (flags.quick ? 1 : 5));
if (!(repeats >= 1)) fail(`--repeats is ${flags.repeats}, want 1 or more`);
if (skip) fail(skip);
if (!existsSync(path.join(root, 'dist/site/engine.wasm'))) fail('no page in dist/site: run `make build`');

const all = measures({ quick: flags.quick, small: smallModel() });
const names = flags.only?.split(',') ?? all.map((m) => m.name);
for (const name of names) if (!all.some((m) => m.name === name)) fail(`--only ${name}: want some of ${all.map((m) => m.name).join(', ')}`);

execFileSync('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', 'dist/bench/product.wasm', './wasm/product'], {
  cwd: root, stdio: 'inherit', env: { ...process.env, GOOS: 'js', GOARCH: 'wasm' },
});

const out = path.resolve(root, flags.out);
const report = existsSync(out) ? JSON.parse(readFileSync(out, 'utf8')) : { measures: {} };
const start = Date.now();
for (const m of all) {
  if (!names.includes(m.name)) continue;
  report.measures[m.name] = await measure(m);
  mkdirSync(path.dirname(out), { recursive: true });
  writeFileSync(out, JSON.stringify(report, null, 1));
}
console.error(`${Math.round((Date.now() - start) / 1000)} s; results are in ${flags.out}`);

/** Opens all sides, samples them in turns, and closes them. */
async function measure({ name, title, values, sides, targets }) {
  console.error(`\n${title} (${name})`);
  const before = os.loadavg()[0];
  const browser = await open();
  workerIn('/product/', browser.answers);
  browser.answers.set('/product/engine.wasm', '/dist/bench/product.wasm');
  const results = sides.map((side) => ({ name: side.name, samples: [] }));
  const attempt = async (i, what, limit, act) => {
    if (results[i].failed) return null;
    try {
      return await within(limit, act());
    } catch (error) {
      results[i].failed = `${what}: ${error.message.split('\n')[0].replace(/^page\.evaluate: (Error: )?/, '')}`;
      console.error(`  ${sides[i].name}: ${results[i].failed}`);
      await sides[i].close().catch(() => {});
      return null;
    }
  };
  try {
    for (const [i, side] of sides.entries()) {
      results[i].about = (await attempt(i, 'opening', patience.open, () => side.open(browser))) ?? {};
      const [ours, its] = [results[0].about.check, results[i].about.check];
      if (!results[i].failed && Math.abs(ours - its) > 1e-3 * Math.abs(ours)) await attempt(i, 'checking', 1, () => Promise.reject(new Error(`it computes ${its}, not ${ours}`)));
    }
    for (let round = 0; round < repeats; round++) {
      for (let turn = 0; turn < sides.length; turn++) {
        const i = (turn + round) % sides.length; // nobody is always the first
        const sample = await attempt(i, 'measuring', patience.sample, () => sides[i].sample());
        if (!sample) continue;
        results[i].samples.push(sample);
        console.error(`  ${round + 1}/${repeats} ${sides[i].name}: ${values.map((v) => `${sample[v].toFixed(1)} ${v === 'ms' ? v : `${v} tokens/s`}`).join(', ')}`);
      }
    }
    for (const [i, side] of sides.entries()) if (results[i].failed === undefined) await side.close();
  } finally {
    await browser.close();
  }
  return { title, values, when: new Date().toISOString().slice(0, 10), repeats, quick: flags.quick, cpus: os.cpus().length, chromium: browser.context.browser()?.version() ?? '', load: [before, os.loadavg()[0]], sides: results, targets };
}

/** A promise with a limit in ms. */
function within(limit, promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`took longer than ${limit / 1000} s`)), limit)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function fail(why) {
  console.error(`bench: ${why}`);
  process.exit(2);
}
