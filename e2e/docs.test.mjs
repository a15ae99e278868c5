// The quick starts in README.md and docs, as written: a block with a file's name
// is that file, a block of sh runs where the files are, and a block of text is
// what the one before it says. Those of docs run in a folder beside the
// checkout, README's in what stands for one: a folder with its dist, .cache and
// assets. Two lines are not run: python3 -m http.server serves while a browser
// looks at index.html, and `make base build` has run when there is what it makes.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launch, skip as noBrowser } from './lib/browser.mjs';
import { folder, host, noDist, noPython, without } from './lib/host.mjs';
import { read } from './lib/safetensors.mjs';
import { noModel, root } from './lib/server.mjs';

const noProgram = existsSync(path.join(root, 'dist/handful')) ? false : 'no program in dist: run `make build`';

/** The fenced blocks of a page: {lang, file, text}. */
function blocks(page) {
  const text = readFileSync(path.join(root, page), 'utf8');
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n([^]*?)^```$/gm)].map(([, lang, file, text]) => ({ lang, file, text }));
}

/** An empty folder for a test. */
function empty(t) {
  const { dir, remove } = folder();
  t.after(remove);
  return dir;
}

/** A folder beside the checkout. */
function beside(t) {
  const dir = empty(t);
  mkdirSync(path.join(dir, 'mine'));
  symlinkSync(root, path.join(dir, 'handful'));
  return path.join(dir, 'mine');
}

/** What stands for a checkout where `make base build` has run. */
function checkout(t) {
  const dir = empty(t);
  for (const made of ['dist', '.cache', 'assets']) symlinkSync(path.join(root, made), path.join(dir, made));
  return dir;
}

/** Runs a page's blocks in a folder; gives how many outputs were held against the page. */
async function follow(page, mine) {
  let said = null;
  let compared = 0;
  for (const { lang, file, text } of blocks(page)) {
    if (file) writeFileSync(path.join(mine, file), text);
    else if (lang === 'sh') {
      const serves = /^python3 -m http\.server .*\n/m;
      const ran = spawnSync('sh', ['-e', '-c', text.replace(serves, '').replace(/^make base build\n/, '')], { cwd: mine, encoding: 'utf8', timeout: 300_000, env: { ...process.env, GOFLAGS: '-trimpath' } }); // what was built for dist stands for any folder
      assert.equal(ran.status, 0, `${text}${ran.stderr}`);
      said = ran.stdout;
      if (serves.test(text)) said = () => looked(mine);
    } else if (lang === 'text') {
      assert.equal(typeof said === 'function' ? await said() : said, text);
      compared++;
    }
  }
  return compared;
}

/** What a page says in its output element in the end. */
async function looked(dir) {
  const server = await host(dir);
  const { context, close } = await launch();
  try {
    const page = await context.newPage();
    await page.goto(server.origin);
    await page.waitForFunction(() => !document.querySelector('output').value.endsWith('…'));
    return (await page.locator('output').innerText()) + '\n';
  } finally {
    await close();
    server.close();
  }
}

test('README.md', { skip: noProgram || noModel }, async (t) => {
  const dir = checkout(t);
  assert.equal(await follow('README.md', dir), 1);
  const config = JSON.parse(readFileSync(path.join(dir, 'spam/adapter_config.json'), 'utf8'));
  assert.deepEqual([config.peft_type, config.r], ['LORA', 4]);
  const tensors = Object.entries(read(readFileSync(path.join(dir, 'spam/adapter_model.safetensors'))));
  assert.equal(tensors.length, 2 * 30 * config.target_modules.length, 'A and B of each target in 30 layers');
  for (const [name, { data }] of tensors) {
    assert.match(name, /^base_model\.model\.model\.layers\.\d+\..*\.lora_[AB]\.weight$/);
    assert.ok(data.every(Number.isFinite), name);
  }
});

test('docs/js.md', { skip: noBrowser || noDist || noPython || without('npm') }, async (t) => {
  assert.equal(await follow('docs/js.md', beside(t)), 3);
});

test('docs/go.md', { skip: without('go') }, async (t) => {
  assert.equal(await follow('docs/go.md', beside(t)), 1);
});

test('what docs/js.md lists is what handful.d.ts has', { skip: noDist }, (t) => {
  const { dir, lay, remove } = folder();
  t.after(remove);
  lay('dist/npm', 'node_modules/handful');
  const calls = [...readFileSync(path.join(root, 'docs/js.md'), 'utf8').matchAll(/`(createHandful|(?:h|fit)\.\w+)(?:\(([^`]*)\))?`/g)];
  assert.ok(calls.length > 15, `${calls.length} calls`);
  // Each has to be a function, and what stands in its braces an option of it.
  const checks = calls.flatMap(([, call, given = '']) => [
    `call(${call});`,
    ...[...given.matchAll(/\{([^}]*)\}/g)].flatMap(([, names]) => names.match(/\w+/g)).map((name) => `option(${call}, '${name}');`),
  ]);
  const check = (lines) => {
    writeFileSync(path.join(dir, 'calls.mts'), `import { createHandful, type Fit, type Handful } from 'handful';
type Call = (...given: any) => any;
type Option<F extends Call> = Parameters<F>[number] extends infer P ? (P extends object ? keyof P : never) : never;
declare function call(f: Call): void;
declare function option<F extends Call>(f: F, name: Option<F>): void;
declare const h: Handful, fit: Fit;
${lines.join('\n')}
`);
    return spawnSync(process.execPath, [path.join(root, 'e2e/node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--skipDefaultLibCheck', '--target', 'es2022', '--module', 'nodenext', 'calls.mts'], { cwd: dir, encoding: 'utf8' }).stdout;
  };
  assert.equal(check(checks), '');
  assert.match(check(["call(h.adopt);", "option(h.adapt, 'stpes');"]), /'adopt' does not exist[^]*'\"stpes\"' is not assignable/);
});
