// The quick starts in docs, as written: a block with a file's name is that
// file, a block of sh runs where the files are, in a folder beside the
// checkout, and a block of text is what the one before it says. python3 -m
// http.server serves while a browser looks at index.html.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launch, skip as noBrowser } from './lib/browser.mjs';
import { folder, host, noDist, noPython } from './lib/host.mjs';
import { root } from './lib/server.mjs';

const without = (program) => (spawnSync(program, ['version']).error ? `${program} is not installed` : false);

/** The fenced blocks of a page: {lang, file, text}. */
function blocks(page) {
  const text = readFileSync(path.join(root, page), 'utf8');
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n([^]*?)^```$/gm)].map(([, lang, file, text]) => ({ lang, file, text }));
}

/** Runs a page's blocks; gives how many outputs were held against the page. */
async function follow(page, t) {
  const { dir, remove } = folder();
  t.after(remove);
  const mine = path.join(dir, 'mine');
  mkdirSync(mine);
  symlinkSync(root, path.join(dir, 'handful'));
  let said = null;
  let compared = 0;
  for (const { lang, file, text } of blocks(page)) {
    if (file) writeFileSync(path.join(mine, file), text);
    else if (lang === 'sh') {
      const serves = /^python3 -m http\.server .*\n/m;
      const ran = spawnSync('sh', ['-e', '-c', text.replace(serves, '')], { cwd: mine, encoding: 'utf8', timeout: 300_000, env: { ...process.env, GOFLAGS: '-trimpath' } }); // what was built for dist stands for any folder
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

test('docs/js.md', { skip: noBrowser || noDist || noPython || without('npm') }, async (t) => {
  assert.equal(await follow('docs/js.md', t), 3);
});

test('docs/go.md', { skip: without('go') }, async (t) => {
  assert.equal(await follow('docs/go.md', t), 1);
});
