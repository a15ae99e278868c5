// The page's side of the service worker (sw.js): installs it, tells when the
// page works without a network and when a newer build is there, and changes
// over to that when it is told to.

const tried = 'handful: isolated';
const typed = 'handful: typed'; // what stands in the fields, over one reload
const fields = ['examples', 'held', 'instruction'];

/**
 * What there is to tell: ready, the page works offline; why it will not, as a
 * phrase; update, a newer build waits; others, so many other tabs hold it up.
 */
export const state = { ready: false, why: '', update: false, others: 0 };

let onchange = () => {};
let registration = null;
let touched = false; // somebody has begun to use the page

function set(change) {
  Object.assign(state, change);
  onchange();
}

/** Calls back at every change of state. */
export function watch(callback) {
  onchange = callback;
  onchange();
}

/** Installs the service worker, or finds it installed. */
export async function start() {
  for (const event of ['keydown', 'pointerdown', 'drop']) addEventListener(event, () => (touched = true), { capture: true, once: true });
  if (!isSecureContext) return set({ why: 'the address is neither https nor this machine' });
  const { serviceWorker } = navigator;
  if (!serviceWorker) return set({ why: 'this browser has no service workers here (a private window?)' });
  try {
    registration = await serviceWorker.register(new URL('./sw.js', import.meta.url), { updateViaCache: 'none' });
  } catch (error) {
    return set({ why: `the service worker was not installed (${error.message})` });
  }
  const look = () => registration.waiting && registration.active && set({ update: true });
  const follow = (worker) => worker?.addEventListener('statechange', () => {
    if (worker.state === 'redundant' && !registration.active) set({ why: 'not all of the page could be kept: reload it to try again' });
    look();
  });
  follow(registration.installing);
  registration.addEventListener('updatefound', () => follow(registration.installing));
  look();
  const again = () => registration.update().catch(() => {}); // offline, or the server is busy
  setInterval(again, 3_600_000);
  addEventListener('visibilitychange', () => document.hidden || again());
  await serviceWorker.ready;
  set({ ready: true, why: '' });
  isolate();
}

/**
 * Where the host sends no headers for isolation, the service worker does: from
 * the next load on. That one is brought about, once, if nobody minds.
 */
function isolate() {
  if (crossOriginIsolated || touched || window.top !== window) return;
  try {
    if (sessionStorage.getItem(tried)) return;
    sessionStorage.setItem(tried, 'yes');
  } catch {
    return; // nothing could keep it from going round
  }
  location.reload();
}

/** Changes over to the newer build and reloads; not while other tabs are open. */
export async function take() {
  const worker = registration?.waiting;
  if (!worker) return reload();
  const changed = new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)));
  worker.postMessage({ take: true }, [port2]);
  const { others } = await answer;
  set({ others });
  if (others > 0) return;
  await changed;
  reload();
}

function reload() {
  try {
    sessionStorage.setItem(typed, JSON.stringify(fields.map((id) => document.getElementById(id)?.value ?? '')));
  } catch {
    // no room, or no storage: the fields will be empty
  }
  location.reload();
}

/** Puts back what stood in the fields before the change of builds. */
export function restore() {
  let values = null;
  try {
    values = JSON.parse(sessionStorage.getItem(typed));
    sessionStorage.removeItem(typed);
  } catch {
    // no storage
  }
  values?.forEach((value, i) => {
    const field = document.getElementById(fields[i]);
    if (!value || !field) return;
    field.value = value;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  });
}
