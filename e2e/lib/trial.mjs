// The program of wasm/trial in the engine's place: what every device and every
// engine is tried with, in the browser.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { open } from './browser.mjs';
import { root, workerIn } from './server.mjs';

/** A browser with a page, and the program built and laid into /trial/ of its server: [it, page]. */
export async function openTrial() {
  const it = await open();
  layTrial(it.answers);
  return [it, await it.page()];
}

function layTrial(answers) {
  const dir = mkdtempSync(path.join(tmpdir(), 'handful-trial-'));
  const program = path.join(dir, 'trial.wasm');
  try {
    execFileSync('go', ['build', '-o', program, './wasm/trial'], { cwd: root, env: { ...process.env, GOOS: 'js', GOARCH: 'wasm' } });
    const bytes = readFileSync(program);
    answers.set('/trial/engine.wasm', (_, response) => response.end(bytes));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  workerIn('/trial/', answers);
}
