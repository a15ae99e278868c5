// The page's start: the JS API on window, then the program that draws the page.
import { admit } from './frame.mjs';
import * as handful from './handful.mjs';
import { compile, id } from './program.mjs';
import { openStore } from './kept.mjs';
import * as diagnosis from './diagnosis.mjs';
import * as models from './models.mjs';
import * as offline from './offline.mjs';
import * as runs from './runs.mjs';
import * as store from './store.mjs';

window.handful = handful;
window.__handfulKept = openStore; // for the program below
window.createHandful = handful.createHandful;

// What the page's program finds here (ui/store_js.go).
globalThis.handfulPage = { build: id, diagnosis, offline, store, models, runs };

// In another page's frame: less of its own around it, and open to the pages that
// the host lets in.
if (new URLSearchParams(location.search).has('embed')) {
  document.documentElement.dataset.embed = '';
  const listed = await fetch('models/embed.json', { cache: 'no-cache' }).then((r) => (r.ok ? r.json() : {})).catch(() => ({}));
  admit(listed.origins ?? [], () => new Worker(new URL(`engine-worker.js?build=${id}`, import.meta.url), { type: 'module', name: 'handful' }));
}

// Vugu hands its renderer's script to eval, which the page's policy forbids.
// The same script is loaded as a file, so that one call has nothing to do.
const evaluate = window.eval;
window.eval = (code) => {
  if (!String(code).includes('window.vuguRender')) return evaluate(code);
  window.eval = evaluate;
};

function stopped(error) {
  const fault = document.createElement('p');
  fault.setAttribute('role', 'alert');
  fault.dataset.testid = 'fault';
  fault.textContent = `The page stopped: ${error?.message ?? error}. Reload it; your examples are on this machine only.`;
  document.querySelector('#app').replaceChildren(fault);
}

try {
  await import('./vugu-renderer.js');
  await import('./wasm_exec.js');
  const go = new globalThis.Go();
  const { instance } = await compile(new URL('./ui.wasm', import.meta.url), go.importObject, 'ui.wasm');
  offline.start();
  await go.run(instance);
  throw new Error('its program ended');
} catch (error) {
  console.error(error);
  stopped(error);
}
