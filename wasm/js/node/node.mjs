// Handful for Node: the module for web pages, with the engine on a thread and
// files by their paths. package.json sends Node here.
import { readFileSync, statSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as web from '../handful.mjs';

const { HandfulError, version } = web;
export { HandfulError, version };

/** Opens a base model, and an inventory: each a path, or what the module for pages takes. */
export async function createHandful({ base, inventory, adapter, ...options } = {}) {
  const files = { base: listed('base', base), inventory: listed('inventory', inventory), adapter: listed('adapter', adapter) };
  return web.createHandful({ ...files, ...(await engine(options)) });
}

/** Tells files of a base from files of skills, by their content: {base, inventory}. */
export async function sortFiles(files, options = {}) {
  return web.sortFiles(listed('sort', Array.from(files)), await engine(options));
}

/** Puts the engine on a thread, with its program from beside this module or as wasm says. */
async function engine({ wasm = new URL('../engine.wasm', import.meta.url), webgpu, worker, ...options }) {
  const gpu = options.device === 'cpu' ? null : gpuPackage(webgpu);
  worker ??= () => new Thread(gpu);
  const at = place(wasm);
  const bytes = wasm instanceof Blob ? new Uint8Array(await wasm.arrayBuffer()) : wasm;
  return { ...options, worker, wasm: at === null ? bytes : read('wasm', at, readFileSync) };
}

/**
 * The address of the package that gives WebGPU, which Node has none of: as it is
 * told, or webgpu (Dawn's), where that is installed beside this one or in the
 * folder that the program runs in. null where there is none, or none is wanted.
 */
function gpuPackage(told) {
  if (told === false) return null;
  if (told instanceof URL || /^[./]|^file:/.test(told ?? '')) return pathToFileURL(place(told)).href;
  const name = told ?? 'webgpu';
  for (const from of [import.meta.url, path.join(process.cwd(), 'here')]) {
    try {
      return pathToFileURL(createRequire(from).resolve(name)).href;
    } catch {
      // not there
    }
  }
  if (told === undefined) return null;
  throw new HandfulError({ kind: 'input', op: 'webgpu', msg: `there is no package ${name}`, hint: `run npm install ${name}, or give its path` });
}

/** Gives every file of what may be paths, of files or folders. */
function listed(op, from) {
  if (from === undefined || from === null) return undefined;
  const one = typeof from === 'string' || from instanceof URL || from instanceof Blob || 'bytes' in from;
  return (one ? [from] : Array.from(from)).flatMap((item) => {
    const at = place(item);
    if (at === null) return [item];
    if (!read(op, at, statSync).isDirectory()) return [{ name: path.basename(at), path: at }];
    const inside = read(op, at, (dir) => readdirSync(dir, { withFileTypes: true }));
    return inside.filter((f) => !f.isDirectory()).map((f) => ({ name: f.name, path: path.join(at, f.name) }));
  });
}

/** The path that a string or an address means; null where it is none. */
function place(item) {
  const text = item instanceof URL ? item.href : item;
  if (typeof text !== 'string') return null;
  if (text.startsWith('file:')) return fileURLToPath(text);
  if (!/^[a-z]{2,}:/i.test(text)) return path.resolve(text);
  throw new HandfulError({ kind: 'unsupported', op: 'read', msg: `${text} is no file of this machine`, hint: 'download it and give its path' });
}

function read(op, at, how) {
  try {
    return how(at);
  } catch (error) {
    throw new HandfulError({ kind: 'input', op, msg: `${at}: ${error.code ?? error.message}`, hint: 'check the path' });
  }
}

/** A thread that is used like a Worker. It does not keep Node running by itself. */
class Thread {
  #thread;
  onmessage = null;
  onerror = null;

  constructor(gpu) {
    this.#thread = new Worker(new URL('./thread.mjs', import.meta.url), { name: 'handful', execArgv: [], workerData: { gpu }, resourceLimits: { stackSizeMb: 8 } });
    this.#thread.unref();
    this.#thread.on('message', (data) => this.onmessage?.({ data }));
    this.#thread.on('error', (error) => this.onerror?.({ message: error.message }));
  }

  postMessage(data, move) {
    this.#thread.postMessage(data, move);
  }

  terminate() {
    this.#thread.terminate();
  }

  ref() {
    this.#thread.ref();
  }

  unref() {
    this.#thread.unref();
  }
}
