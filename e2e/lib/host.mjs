// Static hosting as anybody has it: python3 -m http.server over a folder.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './server.mjs';

/** For test(): why a test that needs what make dist makes is skipped. */
export const noDist = existsSync(path.join(root, 'dist/npm/package.json')) ? false : 'no package in dist/npm: run `make dist`';
export const noPython = spawnSync('python3', ['--version']).status === 0 ? false : 'python3 is not installed';

/** For test(): why a test that needs a program is skipped. */
export const without = (program) => (spawnSync(program, ['version']).error ? `${program} is not installed` : false);

/** A new empty folder. lay copies a path of the repository into it; remove ends it. */
export function folder() {
  const dir = mkdtempSync(path.join(tmpdir(), 'handful-host-'));
  const lay = (from, to) => {
    mkdirSync(path.dirname(path.join(dir, to)), { recursive: true });
    cpSync(path.join(root, from), path.join(dir, to), { recursive: true, filter: (f) => !/\.gguf$|\.gz$/.test(f) });
  };
  return { dir, lay, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Serves a folder: {origin, close}. */
export async function host(dir) {
  const server = spawn('python3', ['-u', '-m', 'http.server', '0', '--bind', '127.0.0.1', '--directory', dir], { stdio: ['ignore', 'pipe', 'ignore'] });
  const port = await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`python3 ended: ${code}`)));
    let said = '';
    server.stdout.on('data', (text) => (said += text) && /port (\d+)/.test(said) && resolve(said.match(/port (\d+)/)[1]));
  });
  return { origin: `http://127.0.0.1:${port}`, close: () => server.kill() };
}
