// A notebook in JupyterLab: the engine runs in its page.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { launch, settles } from '../lib/browser.mjs';
import { root } from '../lib/server.mjs';
import { ready, runCell, skip, start } from './host.mjs';

const args = (port) => ['--no-browser', '--allow-root', `--port=${port}`, '--IdentityProvider.token=', '--LabApp.expose_app_in_browser=True', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate'];

const model = '.cache/base/SmolLM2-135M-Instruct.Q4_1.gguf';

let lab, browser, page;
before(async () => {
  if (skip) return;
  lab = await start('jupyter-lab', args, (folder) => copyFileSync(path.join(root, 'notebook/examples/quick.ipynb'), path.join(folder, 'quick.ipynb')));
  browser = await launch([]);
  page = await open();
});
after(async () => {
  await browser?.close();
  await lab?.close();
});

async function open() {
  const p = await browser.context.newPage();
  p.on('pageerror', (error) => console.error('page:', error.message));
  await p.goto(`${lab.origin}/lab/tree/quick.ipynb`);
  await ready(p);
  return p;
}

/** Runs code in a new cell at the end: what its outputs say. */
const run = (code, p = page) => runCell(p, code);

const runAll = () => page.evaluate(() => window.jupyterapp.commands.execute('notebook:run-all-cells'));
const hook = (id, p = page) => p.getByTestId(id).first();
const status = async (text, p = page) => p.getByTestId('handful-status').filter({ hasText: text }).first().waitFor();

test('a DataFrame, z: learned with a live panel, predicted, exported', { skip }, async (t) => {
  await runAll();
  assert.match(await run('fit'), /^<Fit z: 40 steps, .*adapted \d+ % of 4>/);
  await status('Learned in 40 steps');
  assert.match(await hook('handful-loss').getAttribute('aria-label'), /^loss from .* in 40 steps$/);
  assert.match(await hook('handful-routing').getAttribute('aria-label'), /^weights of 8 skills in 28 linear layers/);
  await settles(() => hook('handful-scores').locator('tr').count(), 4);
  const got = await run('print(await w.predict(["jump", "cry", "stay"]), await w.predict("walk"))');
  t.diagnostic(got);
  assert.match(got, /'jumps'/);
  assert.deepEqual(readdirSync(path.join(lab.folder, 'verbs')).sort(), ['README.md', 'adapter_config.json', 'adapter_model.safetensors', 'lora', 'routing.json', 'train.jsonl']);
  assert.equal(await hook('handful-fault').innerText(), '');
  if (process.env.SHOT) await page.screenshot({ path: process.env.SHOT });
});

test('PEFT in the kernel opens the export and agrees', { skip: skip || (existsSync(path.join(root, '.cache/venv/bin/python')) ? false : 'no PEFT: scripts/setup.sh all installs it') }, async (t) => {
  const got = await run(`
import glob, json, sys
sys.path += glob.glob(${JSON.stringify(root)} + "/.cache/venv/lib/python3*/site-packages") + [${JSON.stringify(path.join(root, 'notebook/tests'))}]
from peft_score import score
from handful.files import pocket
verbs = [("jump", "jumps"), ("fly", "flies"), ("go", "goes")]
ours = [r["nll_sum"] for r in (await w.score(verbs))["rows"]]
theirs = score(str(pocket()[0]), "verbs/lora", [[f"Input: {a}\\nOutput:", " " + b] for a, b in verbs])
print(json.dumps([ours, theirs]))`);
  t.diagnostic(got);
  const [ours, theirs] = JSON.parse(got.split('\n').find((line) => line.startsWith('[['))); // warnings go to the same cell
  ours.forEach((x, i) => assert.ok(Math.abs(x - theirs[i]) < 1e-4 * Math.max(1, theirs[i]), `${x}, ${theirs[i]}`));
});

test('bad input is an exception with the text, the kind and the hint of the engine', { skip }, async () => {
  assert.match(await run('await w.adapt(rows, stepz=3)'), /HandfulError: adapt: got the unknown option "stepz"/);
  assert.match(await run('try:\n    await w.adapt([("a", "")])\nexcept Exception as e:\n    print(type(e).__name__, e.kind, "|", e)'), /^HandfulError input \| examples: line 1: the output is empty; correct the line, or take it out$/m);
  assert.match(await run('w.adapt(3)'), /HandfulError: examples: got int, want a DataFrame, a Dataset, or rows; such as/);
});

test('interrupting the kernel stops a run, and Stop ends it with what it has learned', { skip }, async () => {
  const long = run('await w.adapt(rows, method="mu", steps=100000)');
  await status('of 100000');
  await page.evaluate(() => window.jupyterapp.commands.execute('notebook:interrupt-kernel'));
  assert.match(await long, /KeyboardInterrupt|CancelledError/);
  await status('Stopped after');
  assert.match(await run('fit'), /<Fit z/);
  const stopped = run('print(await w.adapt(rows, method="mu", steps=100000))');
  await status('of 100000');
  await page.getByRole('button', { name: 'Stop', exact: true }).first().click();
  assert.match(await stopped, /<Fit mu: \d+ steps, .*, stopped>/);
});

test('without await: a call goes on while other cells run, and its failure is not lost', { skip }, async () => {
  assert.match(await run('call = w.adapt(rows, method="z", steps=30); call'), /<adapt: running/);
  assert.match(await run('1 + 1'), /2/);
  assert.match(await run('await call'), /<Fit z: 30 steps/);
  assert.match(await run('call.result() is w.fit'), /True/);
  await run('w.score([("a", "")])');
  assert.match(await run('await w.predict("jump")'), /HandfulError: examples: line 1/);
  assert.match(await run('await w.predict("jump")'), /^'j/);
});

test('a reload of the page loses nothing: the next call opens the model there', { skip }, async (t) => {
  const before = await run('print(await w.score([("jump", "jumps")]))');
  await page.evaluate(() => window.jupyterapp.commands.execute('docmanager:save'));
  await page.reload();
  await ready(page);
  await status('The page was reloaded or closed. What was learned is kept');
  const began = Date.now();
  const after = await run('print(await w.score([("jump", "jumps")]))');
  t.diagnostic(`the next call took ${((Date.now() - began) / 1000).toFixed(1)} s`);
  assert.equal(after, before);
});

test('a reload while it learns: a fault that says so, and what was learned before stays', { skip }, async () => {
  run('try:\n    await w.adapt(rows, method="mu", steps=100000)\nexcept Exception as e:\n    said = f"{e.kind} | {e}"').catch(() => {}); // the page goes
  await status('of 100000');
  await page.reload();
  await ready(page);
  assert.match(await run('print(said)'), /^device-lost \| engine: the page that ran it was reloaded or closed; run the cell again/);
  assert.match(await run('print(await w.predict("jump"))'), /^j/);
});

test('a second page of the same notebook leaves the engine where it is', { skip }, async () => {
  const second = await open();
  await status('Another page shows this notebook', second);
  assert.match(await run('print(await w.predict("jump"))'), /^j/);
  await second.close();
  assert.match(await run('print(await w.predict("jump"))'), /^j/);
});

test('nothing of a model is saved with the notebook', { skip }, async () => {
  await page.evaluate(async () => {
    const { shell, commands } = window.jupyterapp;
    const state = await shell.currentWidget.context.sessionContext; // saving keeps the widgets' state where a person has chosen so
    await commands.execute('docmanager:save');
    return state;
  });
  const saved = readFileSync(path.join(lab.folder, 'quick.ipynb'));
  assert.ok(saved.length < 40_000, `${saved.length} bytes`);
  const traits = await run('import json\nprint(sum(len(json.dumps(v, default=str)) for v in w.panel.get_state().values()), sorted(k for k in w.panel.get_state() if not k.startswith("_")))');
  assert.ok(Number(traits.split(' ')[0]) < 30_000, traits);
  assert.match(traits, /\['assets', 'key', 'layout', 'tabbable', 'tooltip'\]/);
});

test('close ends the Worker, again and again', { skip }, async (t) => {
  const rounds = process.env.HANDFUL_SLOW ? 20 : 3;
  const before = page.workers().length;
  await run(`
from handful import Handful
for _ in range(${rounds}):
    with Handful() as x:
        await x.score([("a", "b")])`);
  await page.waitForFunction(() => true);
  for (const end = Date.now() + 20_000; page.workers().length > before && Date.now() < end; ) await page.waitForTimeout(100);
  t.diagnostic(`${rounds} rounds, ${page.workers().length} Workers, ${before} before`);
  assert.equal(page.workers().length, before);
  assert.match(await run('await x.predict("a")'), /Stopped: engine: closed; make a new Handful/);
});

const noModel = process.env.HANDFUL_SLOW ? (existsSync(path.join(root, model)) ? false : 'no base model: run `make base`') : 'takes minutes: set HANDFUL_SLOW=1';

test('SmolLM2: 98 MB go to the page; learned from a DataFrame, predicted, exported', { skip: skip || noModel }, async (t) => {
  const began = Date.now();
  const got = await run(`
import json
import pandas as pd
from handful import Handful
root = ${JSON.stringify(root)}
spam = pd.read_json(root + "assets/samples/sms_spam.train.jsonl", lines=True)
with Handful(root + ${JSON.stringify(model)}, root + "assets/inventory/smollm2-135m-mhr") as big:
    fit = await big.adapt(spam, method="mu", steps=8)
    print(json.dumps([fit.losses, await big.predict(["Claim your free prize now, text WIN to 80888"]), str(await big.export("spam"))]))`);
  t.diagnostic(`${((Date.now() - began) / 1000).toFixed(0)} s: ${got}`);
  const [losses, [label]] = JSON.parse(got.trim().split('\n').at(-1));
  assert.ok(losses.at(-1) < losses[0], losses.join());
  assert.ok(['spam', 'ham'].includes(label), label);
  assert.ok(existsSync(path.join(lab.folder, 'spam/adapter_model.safetensors')));
});

test('a restarted kernel: the panel says what to do, the export stays, and the cells run again', { skip }, async () => {
  await page.evaluate(() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel());
  await status('The kernel was restarted or is not connected: run the cells again.');
  await ready(page);
  assert.ok(existsSync(path.join(lab.folder, 'verbs/adapter_model.safetensors')));
  assert.match(await run('from handful import Handful\nwith Handful(adapter="verbs") as again:\n    print(await again.predict(["jump"], max_tokens=8))'), /\['j/);
});

test('the quick start of the docs, as written', { skip }, async () => {
  const [, cell] = readFileSync(path.join(root, 'docs/notebooks.md'), 'utf8').match(/```python\n([^]*?)```/);
  assert.match(await run(cell), /PosixPath\('.*\/verbs'\)/);
  assert.match(await run('await w.predict(["jump", "cry"])'), /^\['j/);
});
