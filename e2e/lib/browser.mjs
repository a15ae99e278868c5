// Chromium for the tests: Debian's, or the one that CHROMIUM names.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';

const known = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'];

/** The browser's path, or null: then its tests are skipped, and counted. */
export const executable = [process.env.CHROMIUM, ...known].find((p) => p && existsSync(p)) ?? null;

/** For test(): why a test that needs the browser is skipped. */
export const skip = executable ? false : 'no Chromium: install it or set CHROMIUM to its path';

const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'];
const gpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** How long a page may take for what takes a second on a machine with nothing else to do, in ms. */
const patience = 120_000;

/**
 * Waits until what a page shows is what is wanted; after long enough the
 * difference is the error.
 */
export async function settles(get, want, message) {
  for (const end = Date.now() + patience; ; await new Promise((done) => setTimeout(done, 50))) {
    const got = await get();
    if (isDeepStrictEqual(got, want)) return;
    if (Date.now() > end) assert.deepEqual(got, want, message);
  }
}

/** A browser with an empty profile; without arguments, it has no GPU. */
export async function launch(args = []) {
  const profile = mkdtempSync(path.join(tmpdir(), 'handful-e2e-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    headless: true,
    args: ['--no-sandbox', ...quiet, ...args],
  });
  context.setDefaultTimeout(patience);
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  return { context, close };
}

/**
 * Opens a server and a browser with an empty profile. Pages log what goes wrong
 * in them; `requests` lists every address that was asked for. `another` opens a
 * second browser, as another person has it, on the same server. stop() takes
 * the server away, restart() brings it back at the same address.
 */
export async function open({ args = gpu, ...options } = {}) {
  let server = await serve(options);
  const { origin, answers, log } = server;
  const requests = [];
  const browser = async () => {
    const { context, close } = await launch(args);
    context.on('request', (request) => requests.push(request.url()));
    const page = async (where = '/empty.html') => {
      const p = await context.newPage();
      p.on('pageerror', (error) => console.error('page:', error.message));
      p.on('console', (message) => message.type() === 'error' && console.error('console:', message.text()));
      await p.goto(new URL(where, origin).href);
      return p;
    };
    return { context, page, close };
  };
  const first = await browser();
  const close = async () => {
    await first.close();
    await server.close();
  };
  const stop = () => server.close();
  const restart = async () => {
    server = await serve({ ...options, port: Number(new URL(origin).port), answers, log });
  };
  return { ...server, ...first, requests, another: browser, stop, restart, close };
}
