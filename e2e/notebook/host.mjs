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
