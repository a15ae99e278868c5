// dispose gives everything back: rounds of create, use and dispose, with the
// memory of the browser's processes measured from outside.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open, skip as noBrowser } from './lib/browser.mjs';

const skip = noBrowser || (process.platform === 'linux' ? false : 'memory is read from /proc');
const rounds = process.env.HANDFUL_SLOW ? 20 : 8;

let it, page;
before(async () => {
  if (skip) return;
  it = await open();
  page = await it.page();
  await page.evaluate(async () => Object.assign(window, await import('/handful.mjs')));
});
after(() => it?.close());

/** MB that the page's process and the GPU's hold, but for what they share. */
async function memory() {
  const cdp = await it.context.browser()?.newBrowserCDPSession() ?? await it.context.newCDPSession(page);
  await (await it.context.newCDPSession(page)).send('HeapProfiler.collectGarbage');
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  let kB = 0;
  for (const { type, id } of processInfo) {
    if (type === 'renderer' || type === 'GPU') kB += Number(readFileSync(`/proc/${id}/status`, 'utf8').match(/RssAnon:\s+(\d+)/)[1]);
  }
  return kB / 1024;
}

for (const device of ['cpu', 'gpu']) {
  const long = device === 'gpu' && !process.env.HANDFUL_SLOW && 'takes long: set HANDFUL_SLOW=1';
  test(`${rounds} engines on the ${device}, one after the other`, { skip: skip || long }, async (t) => {
    const at = [];
    for (let i = 1; i <= rounds; i++) {
      const kind = await page.evaluate(async (device) => {
        const h = await createHandful({ base: 'pocket/base/', inventory: 'pocket/inventory/', device });
        await h.adapt({ examples: 'walk => walks\ntry => tries', steps: 1 });
        const { kind } = h.info.device;
        await h.dispose();
        return kind;
      }, device);
      assert.equal(kind, device);
      // the browser ends Workers, and frees their memory, in its own time
      for (let j = 0; j < 100 && page.workers().length > 0; j++) await page.waitForTimeout(100);
      assert.equal(page.workers().length, 0);
      await page.waitForTimeout(300);
      at.push(Math.round(await memory()));
    }
    t.diagnostic(`MB after each round: ${at}`);
    // The first rounds warm caches; from then on nothing may pile up. One engine alone holds some 50 MB.
    const quarter = rounds / 4;
    const grown = Math.min(...at.slice(-quarter)) - Math.min(...at.slice(quarter, 2 * quarter));
    assert.ok(grown < 25, `${grown} MB more`);
  });
}
