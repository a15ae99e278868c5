// The examples as people get them: from a folder of a plain static server, with
// no header of ours; bundled by Vite; checked by TypeScript.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launch, settles, skip as noBrowser } from './lib/browser.mjs';
import { folder, host, noDist, noPython, without } from './lib/host.mjs';
import { root } from './lib/server.mjs';

const skip = noBrowser || noDist || noPython;
const at = 'some/folder/';
const modules = path.join(root, 'e2e/node_modules');

let place, server, other, browser;
before(async () => {
  if (skip) return;
  place = folder();
  for (const name of ['plain', 'spam', 'swap', 'worker']) {
    place.lay(`examples/${name}`, at + name);
    place.lay('dist/npm', `${at}${name}/handful`);
  }
  place.lay('examples/embed', `${at}embed`);
  place.lay('dist/site', `${at}embed/site`);
  server = await host(place.dir);
  other = await host(place.dir); // another origin
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.close();
  other?.close();
  place?.remove();
});

/** Opens a page of the folder and gathers what goes wrong in it. */
async function visit(where, origin = server.origin) {
  const page = await browser.context.newPage();
  page.wrong = [];
  page.on('pageerror', (error) => page.wrong.push(error.message));
  page.on('console', (m) => m.type() === 'error' && !/favicon/.test(m.location().url) && page.wrong.push(m.text()));
  await page.goto(`${origin}/${at}${where}`);
  return page;
}
const said = (page, text) => page.locator('output').getByText(text, { exact: true }).waitFor();
const done = async (page) => {
  assert.deepEqual(page.wrong, []);
  await page.close();
};

test('a plain page of twenty lines', { skip }, async () => {
  const page = await visit('plain/');
  await page.getByRole('button').click();
  await said(page, 'jumps');
  assert.equal(page.workers().length, 0, 'its Worker has ended');
  await done(page);
});

test('a text box that knows spam', { skip }, async () => {
  const page = await visit('spam/');
  const box = page.getByLabel('Your message');
  for (const [text, label] of [['Claim your free cash now', 'spam'], ['See you tonight', 'ham'], ['Free cash prize', 'spam'], ['I am home, are you late', 'ham']]) {
    await box.fill(text);
    await page.getByText(`This looks like ${label}.`).waitFor();
    await settles(() => box.getAttribute('data-label'), label);
  }
  await done(page);
});

test('three adapters change places on one base', { skip }, async () => {
  const page = await visit('swap/');
  await page.getByText('Ready:').waitFor();
  for (const [word, name, answer] of [['cook', 'he …', 'cooks'], ['help', 'yesterday …', 'helped'], ['flower', 'Capital', 'Flower'], ['jump', 'he …', 'jumps']]) {
    await page.getByLabel('Word').fill(word);
    await page.getByRole('button', { name }).click();
    await said(page, answer);
  }
  assert.equal(page.workers().length, 1);
  await done(page);
});

test("in a Worker of one's own", { skip }, async () => {
  const page = await visit('worker/');
  await page.getByRole('button').click();
  await said(page, 'jumps');
  await done(page);
});

test('in a frame: driven from the page around it', { skip }, async () => {
  const page = await visit('embed/');
  await page.frameLocator('iframe').getByRole('button', { name: 'Adapt' }).waitFor();
  await settles(() => page.frameLocator('iframe').locator('.promise').isVisible(), false);
  await page.getByRole('button', { name: 'Ask the frame' }).click();
  await said(page, 'jumps');
  await done(page);
});

test('a frame lets in whom its host names, and no one else', { skip }, async () => {
  const page = await visit('embed/', other.origin);
  const ask = (frame) => page.evaluate(async ({ src, origin }) => {
    const { createHandful } = await import(`${new URL('site/handful.mjs', document.baseURI)}`);
    const frame = document.createElement('iframe');
    frame.src = `${src}&origin=${origin}`;
    document.body.append(frame);
    try {
      const h = await createHandful({ frame, base: 'pocket/base/', inventory: 'pocket/inventory/' });
      const bad = await h.adapt({ examples: 'a => b', stpes: 1 }).catch((e) => [e.name, e.kind]);
      await h.dispose();
      return [h.info.inventory.nSkills, bad];
    } catch (error) {
      return [error.kind, error.message];
    } finally {
      frame.remove();
    }
  }, { src: `${server.origin}/${at}embed/site/?embed`, origin: frame });
  const [kind, message] = await ask('one');
  assert.equal(kind, 'input');
  assert.match(message, /may not use .*; its host lists who may in models\/embed\.json/);
  writeFileSync(path.join(place.dir, at, 'embed/site/models/embed.json'), JSON.stringify({ origins: [other.origin] }));
  assert.deepEqual(await ask('two'), [8, ['HandfulError', 'input']]);
  await page.close();
});

test("a page's own Go program", { skip: skip || without('go') }, async () => {
  const to = path.join(place.dir, at, 'go-wasm');
  place.lay('examples/go-wasm/index.html', `${at}go-wasm/index.html`);
  // Its first lines say how it is built; what they would lay into the example goes into the folder that is served.
  const first = [...readFileSync(path.join(root, 'examples/go-wasm/main_js.go'), 'utf8').matchAll(/^\/\/\t(.*)$/gm)].map(([, line]) => line);
  assert.match(first.pop(), /^python3 -m http\.server /);
  assert.equal(first.length, 2);
  const script = first.join('\n').replaceAll(/(?<!\.\/)examples\/go-wasm/g, to);
  execFileSync('sh', ['-e', '-c', script], { cwd: root, stdio: 'pipe', env: { ...process.env, GOFLAGS: '-trimpath' } }); // as dist is built, so that most of it is there
  const page = await visit('go-wasm/');
  await page.getByText('jumps', { exact: true }).waitFor();
  await done(page);
});

test('Vite builds it, and what it builds runs from any folder', { skip }, async () => {
  const { build } = await import('vite');
  place.lay('examples/vite', 'vite');
  place.lay('dist/npm', 'vite/node_modules/handful');
  place.lay('dist/npm/pocket', 'vite/public/pocket');
  const dir = path.join(place.dir, 'vite');
  await build({ root: dir, logLevel: 'error', build: { outDir: path.join(place.dir, at, 'vite'), emptyOutDir: true } });
  const built = readdirSync(path.join(place.dir, at, 'vite/assets'));
  assert.equal(built.filter((f) => f.endsWith('.wasm')).length, 1, built.join());
  const page = await visit('vite/');
  await page.getByRole('button').click();
  await said(page, 'jumps');
  await done(page);
});

test('TypeScript takes the examples, strictly', { skip: noDist }, (t) => {
  const { dir, lay, remove } = folder();
  t.after(remove);
  lay('examples', 'examples');
  lay('dist/npm', 'node_modules/handful');
  for (const name of ['vite', 'typescript', '@types', 'undici-types']) symlinkSync(path.join(modules, name), path.join(dir, 'node_modules', name));
  const pages = ['plain', 'spam', 'swap', 'embed'].map((name) => {
    const [, script] = readFileSync(path.join(root, `examples/${name}/index.html`), 'utf8').match(/<script type="module">([^]*?)<\/script>/);
    mkdirSync(path.join(dir, 'pages'), { recursive: true });
    const file = path.join(dir, `pages/${name}.mjs`);
    // What it takes from the page it knows to be there.
    const any = (to) => (_, what) => `/** @type {any} */ (document.querySelector${to}(${what}))`;
    writeFileSync(file, script.replace(/'\.\/(handful|site)\/handful\.mjs'/, "'handful'").replace(/document\.querySelectorAll\(('.*?')\)/g, any('All')).replace(/document\.querySelector\(('.*?'|s)\)/g, any('')));
    return file;
  });
  const tsc = (...args) => execFileSync(process.execPath, [path.join(modules, 'typescript/bin/tsc'), '--noEmit', '--strict', '--skipDefaultLibCheck', '--target', 'es2022', '--module', 'nodenext', ...args], { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
  const told = (...args) => {
    try {
      return tsc(...args);
    } catch (error) {
      return error.stdout;
    }
  };
  // It must also refuse: an error that is expected and does not come is one.
  writeFileSync(path.join(dir, 'pages/wrong.mts'), `import { createHandful } from 'handful';
// @ts-expect-error no such device
const h = await createHandful({ base: 'x', device: 'tpu' });
// @ts-expect-error no such method
await h.adapt({ examples: 'a => b', method: 'zz' });
`);
  assert.equal(told('--lib', 'es2022,dom,dom.iterable,esnext.asynciterable', '--types', 'vite/client', '--checkJs', '--allowJs', 'examples/vite/main.ts', 'pages/wrong.mts', ...pages), '');
  assert.equal(told('--lib', 'es2022', '--types', 'node', '--checkJs', '--allowJs', 'examples/node/adapt.mjs'), '');
});
