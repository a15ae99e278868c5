// The page's side of handful.Handful: it runs the engine in a Worker, hands
// calls and events between it and the kernel, and draws the panel. Whatever is
// large is asked for by whoever wants it, a piece at a time.
import { draw } from './panel.js';

const piece = 2 << 20; // bytes in one message
const ahead = 3; // pieces that are on their way
const hubs = new Map(); // by the widget's key: some pages share this module

function hub(model) {
  const key = model.get('key');
  if (!hubs.has(key)) hubs.set(key, new Hub(model, key));
  return hubs.get(key);
}

class Hub {
  #model;
  #key;
  #tab = Math.random().toString(36).slice(2);
  #sent = 0;
  #worker = null;
  #wanted = new Map(); // 'key at' → resolve
  #held = new Map(); // id of a call → blobs of its answer
  #running = null; // the call that the panel shows

  constructor(model, key) {
    this.#model = model;
    this.#key = key;
    this.state = { status: 'No model is open in this page yet.', losses: [] };
    this.views = new Set();
    model.on('msg:custom', (content, buffers) => this.#heard(content, buffers));
    model.on('comm_live_update', () => this.#left()); // Jupyter's, when a kernel goes
    globalThis.addEventListener('pagehide', () => this.#say({ bye: true }));
    this.#say({ hello: true });
  }

  close() {
    this.#worker?.then((worker) => worker.terminate()).catch(() => {});
    this.#worker = null;
    hubs.delete(this.#key);
  }

  /** Ends what runs; adapt gives what it has learned. */
  stop() {
    if (this.#running) this.#post({ method: 'cancel', params: { id: this.#running.id } }, []);
  }

  show(change) {
    Object.assign(this.state, change);
    for (const view of this.views) view();
  }

  #left() {
    this.close();
    this.show({ status: 'The kernel was restarted or is not connected: run the cells again.', running: false, fault: '' });
  }

  #say(content, buffers) {
    this.#model.send({ tab: this.#tab, n: ++this.#sent, ...content }, undefined, buffers);
  }

  async #heard(content, buffers) {
    if (content?.to && content.to !== this.#tab) return;
    if (content?.ping) this.#say({ pong: content.ping });
    if (content?.show) this.show(content.show);
    if (content?.request) this.#call(content.request, content.blobs);
    if (content?.piece) this.#wanted.get(`${content.piece} ${content.at}`)?.(buffers[0]);
    if (content?.pull !== undefined) this.#give(content);
    if (content?.drop !== undefined) this.#held.delete(content.drop);
  }

  /** Gets what the kernel has under a key, as a Blob. */
  async #get(key, size, type, report) {
    const parts = new Array(Math.ceil(size / piece));
    let next = 0;
    let loaded = 0;
    const one = async () => {
      while (next < parts.length) {
        const i = next++;
        const at = i * piece;
        const name = `${key} ${at}`;
        const bytes = await new Promise((resolve) => {
          this.#wanted.set(name, resolve);
          this.#say({ want: key, at, size: Math.min(piece, size - at) });
        });
        this.#wanted.delete(name);
        parts[i] = new Blob([bytes]);
        loaded += bytes.byteLength;
        report?.(loaded);
      }
    };
    await Promise.all(Array.from({ length: ahead }, one));
    return new Blob(parts, { type });
  }

  async #give({ pull, blob, at, size }) {
    const from = this.#held.get(pull)?.[blob];
    if (!from) return;
    const part = from instanceof Blob ? new Uint8Array(await from.slice(at, at + size).arrayBuffer()) : from.slice(at, at + size);
    this.#say({ gave: pull, blob, at }, [part.buffer]);
  }

  async #call(request, refs) {
    if (request.method !== 'cancel') {
      this.#running = request;
      this.show({ running: request.method === 'adapt' || request.method === 'generate', fault: '', ...(request.method === 'adapt' && { losses: [], routing: null, scores: [], steps: 0 }) });
    }
    try {
      const total = refs.reduce((sum, { size }) => sum + size, 0);
      const done = refs.map(() => 0);
      const report = (i) => (loaded) => {
        done[i] = loaded;
        if (total > 8 * piece) this.show({ status: `From the kernel: ${mb(done.reduce((a, b) => a + b))} of ${mb(total)} MB` });
      };
      const blobs = await Promise.all(refs.map(({ key, size }, i) => this.#get(key, size, '', report(i))));
      await this.#post(request, blobs);
    } catch (error) {
      this.#event({ id: request.id, kind: 'fault', seq: 1, err: { kind: 'bug', op: 'engine', msg: String(error?.message ?? error), hint: 'reload the page' } }, []);
    }
  }

  async #post(request, blobs) {
    const worker = await (this.#worker ??= this.#start());
    worker.postMessage({ msg: JSON.stringify(request), blobs });
  }

  async #start() {
    this.show({ status: 'Starting the engine…' });
    const { scripts, engine } = this.#model.get('assets');
    const texts = JSON.parse(await (await this.#get('asset:scripts', scripts)).text());
    const packed = await this.#get('asset:engine', engine);
    const wasm = await new Response(packed.stream().pipeThrough(new DecompressionStream('gzip'))).blob();
    const worker = new Worker(linked(texts), { type: 'module', name: 'handful' });
    worker.onmessage = ({ data }) => this.#event(JSON.parse(data.msg), data.blobs);
    worker.onerror = (event) => this.#event({ id: 0, kind: 'crash', err: { kind: 'bug', op: 'engine', msg: event.message || 'the Worker did not start', hint: 'reload the page' } }, []);
    worker.postMessage({ start: { wasm } });
    return worker;
  }

  #event(event, blobs) {
    if (event.kind === 'crash') {
      this.#worker?.then((worker) => worker.terminate()).catch(() => {});
      this.#worker = null;
    }
    if (blobs.length) this.#held.set(event.id, blobs);
    this.#say({ event: JSON.stringify(event), blobs: blobs.map((b) => b.size ?? b.byteLength) });
    this.#watch(event);
  }

  /** Makes the panel's state of what the engine says. */
  #watch({ id, kind, data, err }) {
    const { method } = this.#running ?? {};
    if (id && id !== this.#running?.id) return;
    switch (kind) {
      case 'progress':
        if (data.status !== 'ready') this.show({ status: `${data.status} ${data.file ?? ''}${data.total ? ` ${mb(data.loaded)} of ${mb(data.total)} MB` : ''}` });
        break;
      case 'plan':
        this.show({ steps: data.steps, status: `${data.train} rows, ${data.held} kept aside, ${data.steps} steps` });
        break;
      case 'step':
        this.show({ losses: [...this.state.losses, ...data.map((s) => s.loss)] });
        this.show({ status: `Step ${this.state.losses.length} of ${this.state.steps}, loss ${this.state.losses.at(-1).toFixed(3)}` });
        break;
      case 'routing':
        this.show({ routing: data });
        break;
      case 'score':
        this.show({ scores: [...(this.state.scores ?? []), data] });
        break;
      case 'done':
        this.#running = null;
        if (method === 'open') this.show({ status: `${data.model} on ${data.device.name}` });
        if (method === 'adapt') this.show({ status: `${data.stopped ? 'Stopped after' : 'Learned in'} ${data.losses.length} steps, loss ${data.losses[0]?.toFixed(3)} to ${data.losses.at(-1)?.toFixed(3)}`, losses: data.losses, routing: data.routing, scores: data.scores });
        this.show({ running: false });
        break;
      case 'fault':
      case 'crash':
        this.#running = null;
        if (err.kind === 'cancelled') this.show({ running: false, status: 'Stopped.' });
        else this.show({ running: false, fault: `${err.op}: ${err.msg}${err.hint ? `; ${err.hint}` : ''}` });
    }
  }
}

const mb = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/**
 * The Worker's address: its scripts import each other by names, which here are
 * those of Blobs.
 */
function linked(texts) {
  const urls = {};
  for (const [name, text] of texts) {
    let body = text;
    for (const known of Object.keys(urls)) body = body.replaceAll(`'./${known}'`, `'${urls[known]}'`);
    urls[name] = URL.createObjectURL(new Blob([body], { type: 'text/javascript' }));
  }
  return urls['engine-worker.js'];
}

export default {
  initialize({ model }) {
    const it = hub(model);
    return () => it.close();
  },
  render({ model, el }) {
    const it = hub(model);
    const view = draw(el, it.state, () => it.stop());
    it.views.add(view);
    return () => it.views.delete(view);
  },
};
