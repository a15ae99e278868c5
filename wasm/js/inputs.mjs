// What people hand over, made ready for the engine.
import { HandfulError } from './rpc.mjs';

const wrong = (op, msg, hint) => new HandfulError({ kind: 'input', op, msg, hint });

/** Refuses options that there are not: what is left of them when all others are taken out. */
export function known(op, left) {
  const odd = Object.keys(left);
  if (odd.length) throw wrong(op, `unknown option ${JSON.stringify(odd[0])}`, 'handful.d.ts lists the options');
}

/**
 * Lists a folder's files for the engine; what holds bytes goes into blobs.
 * from is a File, an address, {name, bytes}, {url, sha256, size, of}, {name,
 * path} on Node, or several.
 */
export function folder(op, from, blobs, here) {
  if (from === undefined || from === null) return undefined;
  const one = typeof from === 'string' || from instanceof URL || from instanceof Blob || 'bytes' in from || 'url' in from || 'path' in from;
  const several = one ? [from] : Array.from(from);
  if (several.length === 0) throw wrong(op, 'no files', 'choose the files of a model');
  return several.map((item) => {
    if (typeof item === 'string' || item instanceof URL) item = { url: item };
    if (item?.url !== undefined) return { url: address(op, item.url, here), name: item.name, sha256: item.sha256, size: item.size, of: item.of };
    if (item?.path !== undefined) return { name: item.name, blob: blobs.push({ path: item.path }) - 1 };
    const blob = item instanceof Blob || !item?.bytes ? item : new Blob([item.bytes]);
    if (!(blob instanceof Blob)) throw wrong(op, `got ${typeof item}, want files or addresses`);
    return { name: item.webkitRelativePath || item.name || 'file', blob: blobs.push(blob) - 1 };
  });
}

function address(op, url, here) {
  try {
    return new URL(url, here).href;
  } catch {
    throw wrong(op, `got the address ${url}`, 'give one of this origin');
  }
}

/** Examples as text: rows become lines of JSON. */
export function jsonl(examples) {
  if (typeof examples === 'string') return examples;
  if (!Array.isArray(examples)) throw wrong('examples', `got ${typeof examples}, want text or an array of rows`);
  return examples.map((row) => JSON.stringify(row, plain)).join('\n');
}

/** What was shared as a call takes it: a code or link, or a file's bytes. */
export function shared(given) {
  if (typeof given === 'string' || given instanceof URL) return { params: { code: String(given) }, blobs: [] };
  const blob = given instanceof Blob ? given : new Blob([given]);
  return { params: {}, blobs: [blob] };
}

/** A list where one value will do. */
export const list = (value) => (typeof value === 'string' ? [value] : value);

/** A JSON.stringify replacer: typed arrays become arrays, big integers numbers. */
export function plain(key, value) {
  if (ArrayBuffer.isView(value)) return Array.from(value, Number);
  return typeof value === 'bigint' ? Number(value) : value;
}
