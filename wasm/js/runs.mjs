// Runs that a reload or a crash may break off: each is kept as the engine wrote
// it last, with the examples in it, and a note about it (ID.json), until it ends
// or is given up. A tab that runs one holds its lock.
import { folder, list, lock, read, readJSON, remove, write } from './store.mjs';

const held = new Map(); // by id: lets its lock go
const open = () => folder('runs');
const note = (id) => `${id}.json`;
const patience = 1000; // ms, for a tab that is just going

async function hold(id, wait) {
  if (held.has(id)) return true;
  const free = await lock(`run ${id}`, wait ? { wait: true, signal: AbortSignal.timeout(patience) } : {}).catch(() => null);
  if (free) held.set(id, free);
  return Boolean(free);
}

/** Lets go of a run that stays. */
export function leave(id) {
  held.get(id)?.();
  held.delete(id);
}

/** Keeps a run of this tab, as it is now. about is what list gives. */
export async function keep(id, about, state) {
  const at = await open();
  await hold(id);
  await write(at, id, state);
  await write(at, note(id), JSON.stringify(about));
}

/** Runs that were broken off, the newest first: {id, ...about}. */
export async function broken() {
  const at = await open();
  const out = [];
  for (const { name } of await list(at)) {
    const id = name.replace(/\.json$/, '');
    if (held.has(id) || !(await hold(id, true))) continue; // it is running
    const [about, state] = [await readJSON(at, note(id)), await read(at, id)];
    if (!about || !state) await discard(at, id); // only begun, or thrown out
    else if (!out.some((run) => run.id === id)) out.push({ ...about, id });
    leave(id);
  }
  return out.sort((a, b) => b.at - a.at);
}

/** Takes a run to go on with it: its file, or null where another tab did. */
export async function take(id) {
  const at = await open();
  return (await hold(id)) ? read(at, id) : null;
}

async function discard(at, id) {
  await remove(at, id);
  await remove(at, note(id));
}

/** Removes a run that has ended or is given up. */
export async function drop(id) {
  try {
    if (await hold(id)) await discard(await open(), id);
  } finally {
    leave(id);
  }
}
