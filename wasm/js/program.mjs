// Starts a Go program of this build. Its file must be that of build.js: what a
// browser or a host has kept from another build is asked for anew.
import './build.js';

const build = globalThis.handfulBuild;

/** The name of the build that this script is of. */
export const id = build.id;

/** The sum of a file as fetch wants it; undefined where it is not known. */
function integrity(name) {
  const hex = build.files[name]?.sha256;
  return hex && 'sha256-' + btoa(String.fromCharCode(...hex.match(/../g).map((byte) => parseInt(byte, 16))));
}

/** Compiles name, which lies beside this script, with its imports. */
export async function compile(name, imports) {
  const url = new URL(name, import.meta.url);
  const ask = (cache) => fetch(url, { integrity: integrity(name), cache });
  const response = await ask('default').catch(() => ask('reload')).catch(() => {
    throw Object.assign(new Error(`${name} cannot be had, or is not of build ${id}`), { hint: 'check the connection and reload the page' });
  });
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  if (response.headers.get('content-type')?.startsWith('application/wasm')) return WebAssembly.instantiateStreaming(response, imports);
  return WebAssembly.instantiate(await response.arrayBuffer(), imports);
}
