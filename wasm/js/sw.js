// The service worker: the page without a network. It keeps every file of one
// build that the page needs, each held against its sum in build.js, and begins
// to serve only when it has them all. A later build waits beside it until the
// page asks for it (see offline.mjs). Its answers carry the headers of
// cross-origin isolation, which a static host may not be able to set.
importScripts('./build.js');

const { id, files } = self.handfulBuild;
const scope = new URL(self.registration.scope);
const prefix = `handful ${scope.pathname} `; // other folders of the origin may hold a page too
const kept = prefix + id;
const seen = prefix + 'seen'; // the newest list of models, and of the documentation what was read

const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};
const passed = ['Content-Security-Policy', 'X-Content-Type-Options', 'Referrer-Policy']; // where the server sets them
const sum = 'X-Handful-Sum';

const types = {
  css: 'text/css', html: 'text/html; charset=utf-8', js: 'text/javascript', json: 'application/json', mjs: 'text/javascript', png: 'image/png',
  svg: 'image/svg+xml', wasm: 'application/wasm', webmanifest: 'application/manifest+json',
};

const address = (path) => new URL(path, scope).href;

/** An answer of ours: a server's status and body with our headers. */
function answer(body, { headers, status }, path, more) {
  const out = new Headers({ ...isolation, ...more });
  for (const name of passed) if (headers.has(name)) out.set(name, headers.get(name));
  const type = types[path.split('.').pop()] ?? headers.get('Content-Type');
  if (type) out.set('Content-Type', type);
  return new Response(body, { status, headers: out });
}

async function sumOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Gets a file of this build, past the browser's own cache if that is stale. */
async function fetched(path) {
  for (const cache of ['no-cache', 'reload']) {
    const response = await fetch(address(path), { cache, credentials: 'same-origin' });
    const bytes = await response.arrayBuffer();
    if (response.ok && (await sumOf(bytes)) === files[path].sha256) return answer(bytes, response, path, { [sum]: files[path].sha256 });
  }
  throw new Error(`${path} is not of build ${id}`);
}

/** Fills the cache of this build, from older ones where a file is the same. */
async function fill() {
  const cache = await caches.open(kept);
  const older = await Promise.all((await caches.keys()).filter((name) => name.startsWith(prefix)).map((name) => caches.open(name)));
  const queue = Object.keys(files).filter((path) => files[path].shell);
  const one = async (path) => {
    for (const from of [cache, ...older]) {
      const had = await from.match(address(path));
      if (had?.headers.get(sum) === files[path].sha256) return from === cache ? undefined : cache.put(address(path), had);
    }
    await cache.put(address(path), await fetched(path));
  };
  const some = async () => {
    for (let path; (path = queue.shift()); ) await one(path);
  };
  await Promise.all([some(), some(), some(), some()]);
}

self.addEventListener('install', (event) => event.waitUntil(fill()));

self.addEventListener('activate', (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) {
    if (name.startsWith(prefix) && name !== kept && name !== seen) await caches.delete(name);
  }
  await self.clients.claim();
})()));

async function ofBuild(path) {
  if (path === 'build.js') return answer(`globalThis.handfulBuild = ${JSON.stringify(self.handfulBuild)};\n`, { status: 200, headers: new Headers() }, path);
  const response = await (await caches.open(kept)).match(address(path));
  return response ?? fetched(path); // the browser has thrown it out
}

/** What is not of a build: the server's, else what was seen last. */
async function newest(request) {
  const cache = await caches.open(seen);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request.url, response.clone());
    return response;
  } catch (error) {
    const had = await cache.match(request.url);
    if (had) return had;
    throw error;
  }
}

async function other(request) {
  const response = await fetch(request);
  return response.type === 'opaqueredirect' ? response : answer(response.body, response, new URL(request.url).pathname);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = decodeURI(url.pathname.slice(scope.pathname.length)) || 'index.html';
  if (path === 'build.js' || files[path]?.shell) event.respondWith(ofBuild(path));
  else if (path === 'models/manifest.json' || path.startsWith('docs/')) event.respondWith(newest(request));
  else if (request.mode === 'navigate') event.respondWith(other(request));
});

// The page asks to change over to this build. Other tabs would get its engine
// under their old page, perhaps in the middle of training: they count, but not
// those with the documentation, which runs nothing.
self.addEventListener('message', (event) => {
  if (event.data?.take !== true) return;
  event.waitUntil((async () => {
    const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
    const others = tabs.filter(({ url }) => url.startsWith(scope.href) && !url.startsWith(address('docs/'))).length - 1;
    if (others <= 0) await self.skipWaiting();
    event.ports[0].postMessage({ others: Math.max(0, others) });
  })());
});
