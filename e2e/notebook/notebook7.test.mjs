// The same notebook in Notebook 7.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { launch } from '../lib/browser.mjs';
import { root } from '../lib/server.mjs';
import { ready, runCell, skip as noLab, start } from './host.mjs';

const skip = noLab || (existsSync(path.join(root, '.cache/venv-notebook/bin/jupyter-notebook')) ? false : 'no Notebook 7: scripts/setup.sh all installs it');
const args = (port) => ['--no-browser', '--allow-root', `--port=${port}`, '--IdentityProvider.token=', '--JupyterNotebookApp.expose_app_in_browser=True'];

let book, browser, page;
before(async () => {
  if (skip) return;
  book = await start('jupyter-notebook', args, (folder) => copyFileSync(path.join(root, 'notebook/examples/quick.ipynb'), path.join(folder, 'quick.ipynb')));
  browser = await launch([]);
  page = await browser.context.newPage();
  await page.goto(`${book.origin}/notebooks/quick.ipynb`);
  await ready(page);
});
after(async () => {
  await browser?.close();
  await book?.close();
});

test('learned with a live panel, predicted, exported', { skip }, async () => {
  await page.evaluate(() => window.jupyterapp.commands.execute('notebook:run-all-cells'));
  assert.match(await runCell(page, 'fit'), /^<Fit z: 40 steps, .*adapted \d+ % of 4>/);
  await page.getByTestId('handful-status').filter({ hasText: 'Learned in 40 steps' }).first().waitFor();
  assert.match(await page.getByTestId('handful-loss').first().getAttribute('aria-label'), /^loss from .* in 40 steps$/);
  assert.match(await runCell(page, 'print(await w.predict(["jump", "cry"]))'), /'jumps'/);
  assert.ok(readdirSync(path.join(book.folder, 'verbs')).includes('adapter_model.safetensors'));
  assert.match(await runCell(page, 'await w.adapt(rows, stepz=3)'), /HandfulError: adapt: got the unknown option "stepz"/);
});
