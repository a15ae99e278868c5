// What is kept in the browser, as a crash may leave it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { open, skip } from './lib/browser.mjs';

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await page.evaluate(async () => void (window.store = await import('/store.mjs')));
});
after(() => it?.close());

// A file or its note, cut at every byte. Models' files are written in place, by
// Workers alone.
test('torn at every byte, nothing is taken for whole, and what is there is gone on with', { skip }, async () => {
  it.answers.set('/torn.mjs', (_, response) => response.end(`
    import * as models from '/models.mjs';
    import { folder, write } from '/store.mjs';
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => i * 7);
    const sha256 = Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (b) => b.toString(16).padStart(2, '0')).join('');
    const want = { sha256, bytes: bytes.length, name: 'torn', of: 'torn' };
    const at = await folder('models');
    const wrong = [];
    async function tried(what, file, note, whole) {
      await write(at, sha256, file);
      await write(at, sha256 + '.json', note);
      const got = await models.take(want, undefined, () => {});
      if (Boolean(got.file) !== whole) wrong.push(what);
      if (got.part) {
        got.part.write(bytes.subarray(got.part.size()));
        const again = new Uint8Array(await (await got.part.done()).arrayBuffer());
        if (again.join() !== bytes.join()) wrong.push(what + ', gone on with');
      }
      got.release();
    }
    const digest = sha256; // one piece: its sum is the file's
    const note = JSON.stringify({ name: 'torn', of: 'torn', bytes: bytes.length, sums: [digest] });
    const begun = JSON.stringify({ name: 'torn', of: 'torn', bytes: bytes.length });
    for (let n = 0; n <= bytes.length; n++) {
      await tried(n + ' bytes, summed', bytes.subarray(0, n), note, n === bytes.length);
      await tried(n + ' bytes, begun', bytes.subarray(0, n), begun, false);
    }
    for (let n = 0; n < note.length; n++) await tried(n + ' bytes of the note', bytes, note.slice(0, n), false);
    postMessage(wrong);`));
  const kept = await page.evaluate(async () => {
    const models = await new Promise((resolve, reject) => {
      const worker = new Worker('/torn.mjs', { type: 'module' });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (e) => reject(new Error(e.message));
    });
    const { openStore } = await import('/kept.mjs');
    const shelf = await openStore();
    const dir = await (await navigator.storage.getDirectory()).getDirectoryHandle('handful-kept', { create: true });
    const [id, bytes] = ['ab'.repeat(32), new Uint8Array(200).fill(3)];
    const note = JSON.stringify({ id, name: 'torn', bytes: bytes.length });
    const adapters = [];
    const tried = async (what, file, about, whole) => {
      await store.write(dir, `${id}.handful`, file);
      await store.write(dir, `${id}.json`, about);
      if ((await shelf.list()).length !== Number(whole)) adapters.push(what);
    };
    for (let n = 0; n <= bytes.length; n++) await tried(`${n} bytes`, bytes.subarray(0, n), note, n === bytes.length);
    for (let n = 0; n < note.length; n++) await tried(`${n} bytes of the note`, bytes, note.slice(0, n), false);
    await shelf.remove(id);
    return { models, adapters, where: shelf.where, left: (await shelf.list()).length };
  });
  assert.deepEqual(kept, { models: [], adapters: [], where: 'files', left: 0 });
});
