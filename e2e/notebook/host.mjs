// Notebook programs for the tests: JupyterLab and marimo from .cache/venv-notebook,
// each in a folder of its own.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { skip as noBrowser } from '../lib/browser.mjs';
import { root } from '../lib/server.mjs';

const bin = path.join(root, '.cache/venv-notebook/bin');

/** Why these tests are skipped, or false. */
export const skip = noBrowser || (existsSync(path.join(bin, 'jupyter-lab')) ? false : 'no JupyterLab: scripts/setup.sh all installs it');

const free = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts a program that serves on a port, in a new folder that lay has filled: {folder, origin, close}. */
export async function start(program, args, lay = () => {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'handful-notebook-'));
  lay(folder);
  const port = await free();
  const origin = `http://127.0.0.1:${port}`;
  const env = { ...process.env, HOME: folder, JUPYTER_CONFIG_DIR: path.join(folder, '.jupyter'), JUPYTER_DATA_DIR: path.join(folder, '.data'), XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder, HANDFUL_BIN: path.join(root, 'dist/handful') };
  const child = spawn(path.join(bin, program), args(port), { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  child.stdout.on('data', (data) => (said += data));
  child.stderr.on('data', (data) => (said += data));
  const gone = new Promise((resolve) => child.on('exit', resolve));
  const close = async () => {
    try {
      process.kill(-child.pid); // its kernels too
    } catch {} // it has ended
    await gone;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  for (const end = Date.now() + 120_000; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const up = await fetch(origin).then((r) => r.ok, () => false);
    if (up) return { folder, origin, close };
    if (Date.now() > end || child.exitCode !== null) {
      await close();
      throw new Error(`${program} did not start:\n${said}`);
    }
  }
}

/** Waits until a notebook is there, and its kernel. */
export const ready = (page) =>
  page.waitForFunction(() => {
    const it = window.jupyterapp?.shell.currentWidget;
    return it?.content?.widgets?.length && it.sessionContext?.session?.kernel?.status === 'idle';
  });

/** Runs code in a new cell at a notebook's end: what its outputs say. */
export const runCell = (page, code) =>
  page.evaluate(async (source) => {
    const { commands, shell } = window.jupyterapp;
    const book = shell.currentWidget.content;
    book.activeCellIndex = book.widgets.length - 1;
    await commands.execute('notebook:insert-cell-below');
    const cell = book.activeCell;
    cell.model.sharedModel.setSource(source);
    await commands.execute('notebook:run-cell');
    return cell.model.outputs.toJSON().map((o) => o.text ?? (o.ename ? `${o.ename}: ${o.evalue}` : o.data['text/plain']));
  }, code).then((out) => out.flat().join('\n'));
