// Models that the page has downloaded, in the browser's storage: each file
// under its sha256, with a note beside it (SHA256.json). A note gets its sums
// last, of the file as it lies there in pieces; one without sums is of a file
// that is not whole, and never taken for one.
import { StoreError, folder, full, list, lock, read, readJSON, remove, room, write } from './store.mjs';

const piece = 16 << 20; // bytes that are summed at once
const open = () => folder('models');
const note = (sha256) => `${sha256}.json`;

async function sums(file) {
  const out = [];
  for (let at = 0; at < file.size; at += piece) {
    const digest = await crypto.subtle.digest('SHA-256', await file.slice(at, at + piece).arrayBuffer());
    out.push(Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, '0')).join(''));
  }
  return out;
}

/** A model's file, whole and as it was written; null where it is not. */
async function whole(at, sha256) {
  const about = await readJSON(at, note(sha256));
  const file = about?.sums && (await read(at, sha256));
  if (!file || file.size !== about.bytes) return null;
  const now = await sums(file).catch(() => []); // it cannot be read
  return now.join() === about.sums.join() ? file : null;
}

/**
 * Takes a file for use: {file, release} where it is kept here; else {part,
 * release}, where it is to be written. want: {sha256, bytes, name, of}, of being
 * what the file is a part of. waiting() is told when another tab is writing it.
 * Refused where there is no room.
 */
export async function take(want, signal, waiting) {
  const at = await open();
  const use = await lock(`use ${want.sha256}`, { shared: true, wait: true, signal }); // it cannot be removed now
  try {
    let file = await whole(at, want.sha256);
    if (file) return { file, release: use };
    let free = await lock(`write ${want.sha256}`);
    if (!free) {
      waiting();
      free = await lock(`write ${want.sha256}`, { wait: true, signal });
      file = await whole(at, want.sha256);
    }
    if (file) {
      free();
      return { file, release: use };
    }
    try {
      return { part: await part(at, want, free), release: () => (free(), use()) };
    } catch (error) {
      free();
      throw error;
    }
  } catch (error) {
    use();
    throw full(error);
  }
}

/** Opens the place of a file that is to be written, at what is there of it. */
async function part(at, { sha256, bytes, name, of }, free) {
  const about = (await readJSON(at, note(sha256))) ?? {};
  const lies = about.sums ? 0 : ((await read(at, sha256))?.size ?? 0); // with sums it is damaged
  const had = lies > bytes ? 0 : lies;
  const need = bytes - had;
  const { free: told } = await room();
  if (need > told) throw new StoreError('quota', 'no room', { need, have: told });
  const handle = await at.getFileHandle(sha256, { create: true });
  if (!handle.createSyncAccessHandle) throw new StoreError('unsupported', 'this browser is too old to keep models');
  const out = await handle.createSyncAccessHandle();
  const have = reserve(out, had, bytes);
  if (have < need) {
    out.close();
    if (had === 0) await discard(at, sha256);
    throw new StoreError('quota', 'no room', { need, have });
  }
  const keep = (more) => write(at, note(sha256), JSON.stringify({ name, of, bytes, tag: about.tag, ...more }));
  let size = had;
  const cut = (to) => (out.truncate(to), (size = to));
  try {
    await keep();
  } catch (error) {
    out.close();
    if (had === 0) await discard(at, sha256);
    throw error;
  }
  return {
    size: () => size,
    tag: () => about.tag ?? '',
    read: (into, from) => out.read(into, { at: from }),
    write(chunk) {
      let done = 0;
      try {
        done = out.write(chunk, { at: size });
      } catch (error) {
        throw full(error);
      }
      if (done !== chunk.length) throw new StoreError('quota', 'the browser has no room left for the page');
      size += done;
    },
    /** Begins anew, with a server's tag of what comes now. */
    async restart(tag) {
      cut(0);
      about.tag = tag;
      await keep();
    },
    /** Ends, keeping what is there for the next try. */
    async close() {
      out.flush();
      out.close();
      if (size === 0) await discard(at, sha256);
    },
    /** Ends with the whole file, and gives it; other tabs may have it now. */
    async done() {
      out.flush();
      out.close();
      const file = await handle.getFile();
      await keep({ sums: await sums(file) });
      free();
      return file;
    },
  };
}

/**
 * Tells how many bytes a file may grow, at most to bytes: the file is made that
 * long, which the browser refuses where it has no room, and cut again. What a
 * browser says of its room need not be true: Chromium always tells of 10 GiB.
 */
function reserve(out, had, bytes) {
  const fits = (to) => {
    try {
      out.truncate(to);
      return true;
    } catch (error) {
      if (error.name === 'QuotaExceededError') return false;
      throw error;
    }
  };
  let low = had;
  let high = bytes;
  if (fits(high)) low = high;
  else while (high - low > 1e5) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  out.truncate(had);
  return low - had;
}

async function discard(at, sha256) {
  await remove(at, sha256);
  await remove(at, note(sha256));
}

/** What is kept: {sha256, name, of, bytes, size, whole}. size is what lies here, of bytes. */
export async function stored() {
  const at = await open();
  const files = await list(at);
  const out = [];
  for (const { name: sha256, size } of files) {
    if (sha256.endsWith('.json')) continue;
    const about = await readJSON(at, note(sha256));
    out.push({ sha256, name: about?.name ?? sha256, of: about?.of ?? '', bytes: about?.bytes ?? size, size, whole: Boolean(about?.sums) && size === about.bytes });
  }
  return out.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Removes a model's file, unless a tab has it open or writes it. */
export async function drop(sha256) {
  const at = await open();
  const use = await lock(`use ${sha256}`);
  if (!use) throw new StoreError('input', 'it is in use in this tab or another one');
  try {
    await discard(at, sha256);
  } finally {
    use();
  }
}
