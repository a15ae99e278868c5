// A notebook in marimo: the engine runs in its page.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { launch } from '../lib/browser.mjs';
import { root } from '../lib/server.mjs';
import { skip, start } from './host.mjs';

let host, browser, page;
before(async () => {
  if (skip) return;
  host = await start('marimo', (port) => ['run', 'quick.py', '--headless', '--port', String(port), '--no-token'], (folder) => copyFileSync(path.join(root, 'notebook/examples/quick.py'), path.join(folder, 'quick.py')));
  browser = await launch([]);
  page = await browser.context.newPage();
  page.on('pageerror', (error) => console.error('page:', error.message));
  await page.goto(host.origin);
});
after(async () => {
  await browser?.close();
  await host?.close();
});

const learned = async () => {
  await page.getByTestId('handful-status').filter({ hasText: 'Learned in 40 steps' }).waitFor();
  await page.getByText('jumps').first().waitFor();
};

test('a DataFrame, z: learned with a live panel, predicted, exported', { skip }, async () => {
  await learned();
  await page.getByText(/<Fit z: 40 steps/).waitFor();
  assert.match(await page.getByTestId('handful-routing').getAttribute('aria-label'), /^weights of 8 skills/);
  await page.getByText('verbs').first().waitFor();
  assert.ok(existsSync(path.join(host.folder, 'verbs/lora/adapter_model.safetensors')));
  if (process.env.SHOT) await page.screenshot({ path: process.env.SHOT });
});

test('a reload of the page runs it again, and the export stays', { skip }, async () => {
  await page.reload();
  await learned();
  assert.ok(existsSync(path.join(host.folder, 'verbs/adapter_config.json')));
});
