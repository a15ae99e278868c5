// Files that the page keeps in the browser: the origin's private file system
// in folders of ours, with locks that hold across tabs. Whoever keeps
// something here needs four things: write, all or nothing; list; remove; lock.

const root = 'handful';

/** What storage could not do. kind: 'unsupported', 'quota' or 'input'. */
export class StoreError extends Error {
  constructor(kind, message, more) {
    super(message);
    Object.assign(this, { name: 'StoreError', kind }, more);
  }
}

/** Opens a folder, and makes it where it is missing. Rejects where the browser keeps no files. */
export async function folder(...names) {
  let at;
  try {
    at = await navigator.storage.getDirectory();
    for (const name of [root, ...names]) at = await at.getDirectoryHandle(name, { create: true });
  } catch (error) {
    if (full(error) !== error) throw full(error);
    throw new StoreError('unsupported', `this browser keeps no files for the page (${here(error)})`);
  }
  return at;
}

const here = (error) => (isSecureContext ? `a private window? ${error.message}` : 'the address is neither https nor this machine');

const missing = (error) => error.name === 'NotFoundError';

/** A file of a folder as a File; null where there is none. */
export async function read(at, name) {
  try {
    return await (await at.getFileHandle(name)).getFile();
  } catch (error) {
    if (missing(error)) return null;
    throw error;
  }
}

/** A file's text as JSON; null where it is missing or damaged. */
export async function readJSON(at, name) {
  const file = await read(at, name);
  try {
    return file && JSON.parse(await file.text());
  } catch {
    return null;
  }
}

/** Writes a file, all of it or nothing: until the end its old content stays. */
export async function write(at, name, data) {
  let out;
  try {
    const handle = await at.getFileHandle(name, { create: true });
    if (!handle.createWritable) throw new StoreError('unsupported', 'this browser is too old to keep files whole');
    out = await handle.createWritable();
    await out.write(data);
    await out.close();
  } catch (error) {
    await out?.abort().catch(() => {});
    throw full(error);
  }
}

/** Makes an error of storage that is full one of ours. */
export const full = (error) => (error.name === 'QuotaExceededError' ? new StoreError('quota', 'the browser has no room left for the page') : error);

/** A folder's files, by name: {name, size, at: ms since 1970}. */
export async function list(at) {
  const out = [];
  for await (const handle of at.values()) {
    const file = handle.kind === 'file' && (await handle.getFile().catch(() => null)); // it may just have gone
    if (file) out.push({ name: handle.name, size: file.size, at: file.lastModified });
  }
  return out.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Removes a file; it need not be there. */
export async function remove(at, name) {
  await at.removeEntry(name).catch((error) => {
    if (!missing(error)) throw error;
  });
}

/**
 * Takes a lock that all tabs of the origin share, and gives the function that
 * lets it go; the browser does where a tab dies. Without wait, null where it is
 * taken. shared locks go together.
 */
export function lock(name, { shared = false, wait = false, signal } = {}) {
  if (!navigator.locks) return Promise.resolve(() => {}); // older than files of our own
  return new Promise((resolve, reject) => {
    const options = { mode: shared ? 'shared' : 'exclusive', ...(wait ? { signal } : { ifAvailable: true }) };
    const hold = (got) => got && new Promise((free) => resolve(free));
    navigator.locks.request(`${root} ${name}`, options, (got) => hold(got) ?? resolve(null)).catch(reject);
  });
}

/** How much room the browser tells of, in bytes, and whether it may take it back. */
export async function room() {
  const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.().catch(() => ({}))) ?? {};
  const persisted = (await navigator.storage?.persisted?.().catch(() => false)) ?? false;
  return { usage, quota, free: Math.max(0, quota - usage), persisted };
}

/** Asks that the browser throws nothing out by itself. On a page only, not in a Worker. */
export const persist = async () => (await navigator.storage?.persist?.().catch(() => false)) ?? false;
