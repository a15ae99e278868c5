// The ES module on Node: the same numbers as the command line, the same faults,
// and nothing that keeps the process alive.
import { before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { folder, noDist } from './lib/host.mjs';
import { root } from './lib/server.mjs';

const skip = noDist;
const base = path.join(root, 'assets/pocket/base');
const inventory = path.join(root, 'assets/pocket/inventory');
const examples = 'walk => walks\ntry => tries\neat => eats\nwash => washes';

let createHandful, HandfulError, version, sortFiles;
before(async () => {
  if (!skip) ({ createHandful, HandfulError, version, sortFiles } = await import(pathToFileURL(path.join(root, 'dist/npm/node/node.mjs'))));
});

test('files by path, by address and as bytes are the same files', { skip }, async () => {
  const bytes = (dir, ...names) => names.map((name) => ({ name, bytes: readFileSync(path.join(dir, name)) }));
  const losses = [];
  for (const given of [base, pathToFileURL(base), bytes(base, 'config.json', 'model.safetensors', 'tokenizer.json')]) {
    const h = await createHandful({ base: given, inventory, device: 'cpu' });
    assert.equal(h.info.device.kind, 'cpu');
    losses.push((await h.adapt({ examples, steps: 3 })).losses);
    await h.dispose();
  }
  assert.deepEqual(losses[0], losses[1]);
  assert.deepEqual(losses[0], losses[2]);
  assert.equal(version, JSON.parse(readFileSync(path.join(root, 'dist/npm/package.json'))).version);
});

test('a batch above the budget of memory is computed in parts', { skip }, async () => {
  const [losses, parts] = [[], []];
  for (const memory of [0, 1]) {
    const h = await createHandful({ base, inventory, device: 'cpu', memory });
    const onEvent = ({ plan }) => plan && parts.push(plan.parts);
    losses.push((await h.adapt({ examples: `${examples}\n`.repeat(3), method: 'mu', steps: 3, batch: 12, onEvent })).losses);
    await h.dispose();
  }
  assert.ok(parts[0] === 1 && parts[1] > 1, `${parts} parts`);
  losses[0].forEach((loss, k) => assert.ok(Math.abs(loss - losses[1][k]) < 1e-5, `${losses}`));
});

test('all that a page can do', { skip }, async () => {
  const h = await createHandful({ base, inventory });
  try {
    const fit = await h.adapt({ examples, method: 'z', steps: 20 });
    const pieces = [];
    for await (const piece of h.generate('jump')) pieces.push(piece);
    assert.equal(pieces.join('').trim(), 'jumps');
    const rows = [{ input: 'jump', output: 'jumps' }, { input: 'box', output: 'boxes' }];
    const { loss, rows: scored } = await h.score({ examples: rows });
    assert.ok(loss < (await h.score({ examples: rows, adapter: 'base' })).loss);
    assert.equal(scored.length, 2);
    assert.equal((await h.evaluate({ examples: rows, generate: true })).n, 2);
    assert.deepEqual(await h.routing(), fit.routing);
    const mean = (await h.routing({ adapter: 'mean' })).w;
    assert.equal(mean.length, fit.routing.w.length);
    for (const w of mean.flat(2)) assert.ok(Math.abs(w - 1 / 8) < 1e-6);
    assert.notDeepEqual((await h.routing({ task: 'word_upper' })).w, mean);
    const { cosine } = await h.alignment({ tasks: [examples, 'a => A\nbe => BE'] });
    assert.ok(Math.abs(cosine[0][0] - 1) < 1e-5 && cosine[0][1] < 1);
    const again = await h.restore((await fit.pack()).file);
    assert.equal((await h.score({ examples: rows, adapter: again })).loss, loss);
    assert.ok((await fit.export({ to: 'peft-lora' })).some((f) => f.name === 'adapter_model.safetensors' && f.blob.size > 1e4));
    const sorted = await sortFiles([path.join(base, 'model.safetensors'), path.join(inventory, 'adapter_config.json')]);
    assert.deepEqual([sorted.base.length, sorted.inventory.length], [1, 1]);
  } finally {
    await h.dispose();
  }
});

test('a run that was stopped goes on to the same numbers', { skip }, async () => {
  const h = await createHandful({ base, inventory, device: 'cpu' });
  const whole = await h.adapt({ examples, steps: 6 });
  const runs = [];
  await h.adapt({ examples, steps: 6, snapshotEvery: 1e-6, onEvent: (e) => e.snapshot && runs.push(e.snapshot) });
  const { bytes } = runs.find((r) => r.step === 3);
  assert.deepEqual((await h.resume(bytes)).losses, whole.losses);
  await h.dispose();
});

test('faults have their kind and a hint, and abort works', { skip }, async () => {
  const fails = async (promise, kind, says) => {
    const error = await promise.then(() => assert.fail('nothing failed'), (e) => e);
    assert.ok(error instanceof HandfulError && error instanceof Error, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, says);
    assert.ok(kind === 'cancelled' || error.hint.length > 0, error.message);
  };
  await fails(createHandful({ base: 'no/such/folder' }), 'input', /no\/such\/folder: ENOENT/);
  await fails(createHandful({ base: 'https://example.org/model/' }), 'unsupported', /no file of this machine/);
  await fails(createHandful({}), 'input', /^base: no files; choose/);
  await fails(createHandful({ base, bse: 1 }), 'input', /unknown option "bse"/);
  await fails(createHandful({ base, device: 'gpu', webgpu: false }), 'no-gpu', /npm install webgpu/);
  await fails(createHandful({ base, webgpu: 'no-such-package' }), 'input', /^webgpu: there is no package no-such-package; run npm install/);
  await fails(createHandful({ base: path.join(inventory, 'README.md') }), 'input', /want a GGUF file or a folder/);
  await fails(createHandful({ base, signal: AbortSignal.abort() }), 'cancelled', /stopped/);
  const h = await createHandful({ base, inventory });
  const stop = new AbortController();
  await fails(h.adapt({ examples, steps: 500, signal: stop.signal, onStep: () => stop.abort() }), 'cancelled', /stopped/);
  await h.dispose();
  await fails(h.score({ examples }), 'cancelled', /closed/);
});

// Dawn on the software renderer that comes with Chromium.
const dawn = path.join(root, '.cache/webgpu/node_modules/webgpu/index.js');
const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const noGPU = skip || (existsSync(dawn) ? false : 'no WebGPU for Node: scripts/setup.sh all installs it') || (existsSync(driver) ? false : 'no SwiftShader beside Chromium');

test('WebGPU by a package gives the numbers of the cpu', { skip: noGPU }, () => {
  const program = `
    import { createHandful } from ${JSON.stringify(pathToFileURL(path.join(root, 'dist/npm/node/node.mjs')).href)};
    const runs = [];
    for (const device of ['gpu', 'cpu']) {
      const h = await createHandful({ base: ${JSON.stringify(base)}, inventory: ${JSON.stringify(inventory)}, device, webgpu: ${JSON.stringify(dawn)} });
      runs.push({ kind: h.info.device.kind, backend: h.info.device.backend, losses: (await h.adapt({ examples: ${JSON.stringify(examples)}, steps: 4 })).losses });
      await h.dispose();
    }
    console.log(JSON.stringify(runs));`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 240_000, env: { ...process.env, VK_ICD_FILENAMES: driver }, stdio: ['ignore', 'pipe', 'ignore'] });
  const [gpu, cpu] = JSON.parse(said);
  assert.deepEqual([gpu.kind, gpu.backend, cpu.kind], ['gpu', 'webgpu', 'cpu']);
  gpu.losses.forEach((loss, i) => assert.ok(Math.abs(loss - cpu.losses[i]) < 2e-4, `${gpu.losses} and ${cpu.losses}`));
});

test('the example writes a PEFT folder, and its process ends', { skip }, async (t) => {
  const { dir, lay, remove } = folder();
  t.after(remove);
  lay('examples/node', 'mine');
  mkdirSync(path.join(dir, 'mine/node_modules'));
  symlinkSync(path.join(root, 'dist/npm'), path.join(dir, 'mine/node_modules/handful'));
  const said = execFileSync(process.execPath, ['adapt.mjs', 'out'], { cwd: path.join(dir, 'mine'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000 });
  assert.equal(said, 'jumps\n');
  assert.equal(JSON.parse(readFileSync(path.join(dir, 'mine/out/lora/adapter_config.json'))).peft_type, 'LORA');
  // Without dispose: an idle engine does not hold Node.
  const idle = `import { createHandful } from 'handful';\nconst h = await createHandful({ base: ${JSON.stringify(base)} });\nconsole.log(h.info.layers > 0);`;
  assert.equal(execFileSync(process.execPath, ['--input-type=module', '-e', idle], { cwd: path.join(dir, 'mine'), encoding: 'utf8', timeout: 120_000 }), 'true\n');
  assert.ok(existsSync(path.join(dir, 'mine/out/routing.json')));
});
