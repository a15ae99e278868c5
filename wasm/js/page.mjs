// The page's start: the JS API on window, then the program that draws the page.
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
  const { instance } = await compile('ui.wasm', go.importObject);
  offline.start();
  await go.run(instance);
  throw new Error('its program ended');
} catch (error) {
  console.error(error);
  stopped(error);
}
