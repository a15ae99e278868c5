// The adapters that a browser keeps for this page: in its private file system,
// where there is none in IndexedDB, else in memory until the page is left.
// Each is named by the sha256 of its bytes and comes as two files: the bytes,
// and a note about them (JSON) that is written last and taken away first. An
// adapter is there when its note is, and its bytes are all there.
import { read, remove, write } from './store.mjs';

const folder = 'handful-kept';
const isID = (id) => /^[0-9a-f]{64}$/.test(id);
const old = 24 * 3600e3; // ms after which bytes without a note are nobody's

const gone = () => new DOMException('it is gone', 'NotFoundError');

/** Opens what this browser has. */
export async function openStore() {
  for (const open of [privateFiles, indexed]) {
    const store = await open().catch(() => null);
    if (store) return store;
  }
  return memory();
}

async function privateFiles() {
  if (!globalThis.FileSystemFileHandle?.prototype.createWritable) return null;
  const root = await navigator.storage.getDirectory();
  const dir = await root.getDirectoryHandle(folder, { create: true });
  return {
    where: 'files',
    async list() {
      const notes = [];
      const bytes = new Map();
      for await (const name of dir.keys()) {
        const [id, kind] = name.split('.');
        if (!isID(id) || name !== `${id}.${kind}`) continue;
        const lies = kind === 'handful' && (await read(dir, name)); // another tab may have taken it
        if (lies) bytes.set(id, lies);
        if (kind === 'json') notes.push(id);
      }
      const out = [];
      for (const id of notes) {
        const note = (await (await read(dir, `${id}.json`))?.text()) ?? '';
        if (bytes.has(id) && sizeIn(note) === bytes.get(id).size) out.push(note);
        bytes.delete(id);
      }
      for (const [id, f] of bytes) if (Date.now() - f.lastModified > old) await remove(dir, `${id}.handful`);
      return out;
    },
    async put(id, note, bytes) {
      navigator.storage.persist?.().catch(() => {}); // keep it when room is short, please
      await write(dir, `${id}.handful`, bytes);
      await write(dir, `${id}.json`, note);
    },
    note: (id, note) => write(dir, `${id}.json`, note),
    async get(id) {
      const file = await read(dir, `${id}.handful`);
      if (!file) throw gone();
      return new Uint8Array(await file.arrayBuffer());
    },
    async remove(id) {
      await remove(dir, `${id}.json`);
      await remove(dir, `${id}.handful`);
    },
  };
}

/** How many bytes a note says there are. */
function sizeIn(note) {
  try {
    return JSON.parse(note).bytes;
  } catch {
    return -1;
  }
}

async function indexed() {
  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const opening = indexedDB.open(folder, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('kept', { keyPath: 'id' });
  const db = await done(opening);
  const within = (mode, ask) => new Promise((resolve, reject) => {
    const transaction = db.transaction('kept', mode);
    const request = ask(transaction.objectStore('kept'));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
  return {
    where: 'database',
    list: async () => (await within('readonly', (s) => s.getAll())).map((x) => x.note),
    put: (id, note, bytes) => within('readwrite', (s) => s.put({ id, note, bytes })),
    note: async (id, note) => within('readwrite', (s) => {
      const got = s.get(id);
      got.onsuccess = () => got.result && s.put({ ...got.result, note });
      return got;
    }),
    get: async (id) => (await within('readonly', (s) => s.get(id)))?.bytes ?? Promise.reject(gone()),
    remove: (id) => within('readwrite', (s) => s.delete(id)),
  };
}

function memory() {
  const all = new Map();
  return {
    where: 'memory',
    list: async () => [...all.values()].map((x) => x.note),
    put: async (id, note, bytes) => void all.set(id, { note, bytes }),
    note: async (id, note) => void (all.has(id) && (all.get(id).note = note)),
    get: async (id) => all.get(id)?.bytes ?? Promise.reject(gone()),
    remove: async (id) => void all.delete(id),
  };
}
