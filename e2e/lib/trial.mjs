// The program of wasm/trial in the engine's place: what every device and every
// engine is tried with, in the browser.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, workerIn } from './server.mjs';

/** Builds it and lays it into /trial/ of the tests' server. */
export function layTrial(answers) {
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
