// The engine's Worker: a module Worker that runs engine.wasm. Go answers the
// messages; this file only starts it, keeps early messages, and tells the page
// when the program has ended, which it never should. Its imports are plain ones,
// for bundlers make one script of it.
import './gpu-shim.js';
import './wasm_exec.js';
import { hire } from './crew.mjs';
import * as models from './models.mjs';
import { compile, id } from './program.mjs';

// __handful is what Go finds here: mem, the linear memory, which kernels and
// uploads share, queue, the messages that came before Go listened, models, the
// browser's storage of them, and crew, which hires helpers.
const boot = Object.assign((globalThis.__handful ??= {}), { mem: null, queue: [], models, crew: hire });

// The first message may say where the program is: {start: {wasm}}, wasm being
// its address, its bytes or a compiled module. A Worker whose address names the
// build is of the page, which never does.
const asked = new URL(import.meta.url).searchParams.get('build');
const first = new Promise((begin) => {
  if (asked) begin({});
  self.onmessage = (event) => {
    if (!event.data?.start) boot.queue.push(event);
    begin(event.data?.start ?? {});
  };
});

// said keeps the last words of a dying Go program, from its first line on.
let said = '';
function listen(fs) {
  const write = fs.writeSync;
  const decoder = new TextDecoder();
  fs.writeSync = function (fd, bytes) {
    said += decoder.decode(bytes, { stream: true });
    const at = said.search(/^(panic:|fatal error:|runtime: out of memory)/m);
    said = at < 0 ? said.slice(-200) : said.slice(at, at + 4000);
    return write.call(this, fd, bytes);
  };
}

function crash(what) {
  const line = said.split('\n')[0] || String(what?.message ?? what);
  const memory = /out of memory/.test(said + what);
  const err = {
    kind: memory ? 'memory' : 'bug',
    op: 'engine',
    msg: `the engine stopped: ${line}`,
    hint: what?.hint ?? (memory ? 'open a smaller model or use smaller batches' : 'open the model again; please report this'),
  };
  self.postMessage({ msg: JSON.stringify({ id: 0, kind: 'crash', seq: 0, err }), blobs: [] });
}

async function run() {
  if (asked && asked !== id) throw Object.assign(new Error('the page is older than its files on the server'), { hint: 'reload the page' });
  const { wasm } = await first;
  listen(globalThis.fs);
  const go = new globalThis.Go();
  const { instance } = await (wasm ? compile(wasm, go.importObject) : compile(new URL('./engine.wasm', import.meta.url), go.importObject, 'engine.wasm'));
  boot.mem = instance.exports.mem;
  self.addEventListener('unhandledrejection', (event) => crash(event.reason));
  await go.run(instance);
  throw new Error('it returned');
}

run().catch(crash);
