// Starts a Go program of this build. Its file must be that of build.js: what a
// browser or a host has kept from another build is asked for anew.
import './build.js';

const build = globalThis.handfulBuild;

/** The name of the build that this script is of. */
export const id = build.id;

/** The release. */
export const version = build.version;

/** The sum of a file as fetch wants it; undefined where it is not known. */
function integrity(name) {
  const hex = build.files[name]?.sha256;
  return hex && 'sha256-' + btoa(String.fromCharCode(...hex.match(/../g).map((byte) => parseInt(byte, 16))));
}

/**
 * Starts a program with its imports: from an address, its bytes, a Blob of them
 * or a compiled module. name is its own in this build, whose sum it must have.
 */
export async function compile(from, imports, name) {
  if (from instanceof WebAssembly.Module) return { instance: await WebAssembly.instantiate(from, imports) };
  if (from instanceof Blob) from = await from.arrayBuffer();
  if (typeof from !== 'string' && !(from instanceof URL)) return WebAssembly.instantiate(from, imports);
  const ask = (cache) => fetch(from, { integrity: integrity(name), cache });
  const response = await ask('default').catch(() => ask('reload')).catch(() => {
    throw Object.assign(new Error(`${name ?? from} cannot be had, or is not of build ${id}`), { hint: 'check the connection and reload the page' });
  });
  if (!response.ok) throw new Error(`${name ?? from}: ${response.status} ${response.statusText}`);
  if (response.headers.get('content-type')?.startsWith('application/wasm')) return WebAssembly.instantiateStreaming(response, imports);
  return WebAssembly.instantiate(await response.arrayBuffer(), imports);
}
