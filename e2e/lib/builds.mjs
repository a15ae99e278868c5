// Builds of the page for the tests: a copy of the built one, and later ones
// that differ in a few files.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from './server.mjs';

const sum = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Copies the built page, without its models, into a folder of its own. */
export function copied() {
  const dir = mkdtempSync(path.join(tmpdir(), 'handful-site-'));
  const site = path.join(root, 'dist/site');
  cpSync(site, dir, { recursive: true, filter: (from) => !/\.gz$|\.gguf$/.test(from) });
  writeFileSync(path.join(dir, 'models/manifest.json'), '[]');
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Makes a later build of the page in dir: files maps paths to new text. */
export function change(dir, files) {
  const at = path.join(dir, 'build.js');
  const build = JSON.parse(readFileSync(at, 'utf8').replace(/^globalThis\.handfulBuild = |;\s*$/g, ''));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(path.join(dir, name), text);
    build.files[name] = { ...build.files[name], sha256: sum(text), bytes: Buffer.byteLength(text) };
  }
  build.id = sum(JSON.stringify(build.files)).slice(0, 16);
  writeFileSync(at, `globalThis.handfulBuild = ${JSON.stringify(build)};\n`);
  return build.id;
}
