// node run.mjs <GOROOT/lib/wasm> <program.wasm> [arguments]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// Where relaxed SIMD is not yet on by default; later versions ignore the flag.
setFlagsFromString('--experimental-wasm-relaxed-simd');

const [lib, program, ...args] = process.argv.slice(2);
const require = createRequire(import.meta.url);
globalThis.fs = require('node:fs');
globalThis.path = require('node:path');
require(`${lib}/wasm_exec.js`);

const go = new Go();
go.argv = [program, ...args];
go.exit = (code) => process.exit(code);
const { instance } = await WebAssembly.instantiate(readFileSync(program), go.importObject);
globalThis.__handful = { mem: instance.exports.mem };
await go.run(instance);
