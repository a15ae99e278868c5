// Handful for web pages and Workers: fine-tunes a small language model on a
// handful of examples in the browser. Every option is described in
// handful.d.ts. (On Node, node.mjs stands before it.)
import { attach } from './frame.mjs';
import { id, version } from './program.mjs';
import { Engine, HandfulError } from './rpc.mjs';
import { folder, jsonl, known, list, shared } from './inputs.mjs';

export { HandfulError, version };

const MB = 1 << 20;
const here = globalThis.document?.baseURI ?? globalThis.location?.href ?? import.meta.url;

/** Opens a base model, and an inventory, in a Worker of its own. */
export async function createHandful(options = {}) {
  const { base, inventory, adapter, device = 'auto', kernel, memory, maxBinding, keep, onProgress, signal, webgpu, ...where } = options; // webgpu is for Node
  const engine = await start('createHandful', where, signal);
  try {
    const blobs = [];
    const at = where.frame?.src ?? here; // a frame opens what lies with it
    const params = {
      base: folder('base', base, blobs, at),
      inventory: folder('inventory', inventory, blobs, at),
      adapter: folder('adapter', adapter, blobs, at),
      device: { kind: device, family: kernel, memory: memory && Math.round(memory * MB), maxBinding },
      keep,
    };
    const on = ({ kind, data }) => kind === 'progress' && onProgress?.(data);
    const { data } = await engine.call('open', params, { blobs, on, signal });
    return new Handful(engine, data, adapter ? 'file' : 'base', onProgress);
  } catch (error) {
    engine.close();
    throw error;
  }
}

/** Tells files of a base from files of skills, by their content: {base, inventory}. */
export async function sortFiles(files, { signal, ...where } = {}) {
  const engine = await start('sortFiles', where, signal);
  try {
    const given = Array.from(files);
    const blobs = [];
    const { data } = await engine.call('sort', { files: folder('sort', given, blobs, here) }, { blobs, signal });
    return { base: data.base.map((i) => given[i]), inventory: data.inventory.map((i) => given[i]) };
  } finally {
    engine.close();
  }
}

/** Starts the engine: in a frame that holds the page, in a Worker that is given, or in one of its own. */
async function start(op, { frame, worker, wasm, assets, ...odd }, signal) {
  known(op, odd);
  if (frame) return new Engine(await attach(frame, signal));
  if (worker) return new Engine(typeof worker === 'function' ? worker() : worker, wasm);
  if (assets || id !== 'dev') {
    const home = assets ? new URL(assets, here) : new URL('.', import.meta.url);
    return new Engine(new URL(`engine-worker.js?build=${id}`, home.href.replace(/\/?$/, '/')), wasm);
  }
  // As bundlers look for it, word for word.
  return new Engine(new Worker(new URL('./engine-worker.js', import.meta.url), { type: 'module', name: 'handful' }), wasm);
}

class Handful {
  #engine;
  #first; // the adapter to use before anything is trained
  #last = null; // the newest Fit
  #stop = null;
  #onProgress;

  constructor(engine, info, first, onProgress) {
    this.#engine = engine;
    this.#first = first;
    this.#onProgress = onProgress;
    this.info = info;
  }

  /** Fine-tunes on examples. */
  async adapt({ signal, onStep, onEvent, ...options } = {}) {
    const params = { ...options, examples: jsonl(options.examples), held: options.held && jsonl(options.held), targets: list(options.targets) };
    return this.#fit('adapt', params, [], { signal, onStep, onEvent });
  }

  /** Goes on with a run that was broken off, from the bytes of its newest snapshot event. */
  async resume(run, { signal, onStep, onEvent } = {}) {
    return this.#fit('resume', {}, [run instanceof Blob ? run : new Blob([run])], { signal, onStep, onEvent });
  }

  async #fit(method, params, blobs, { signal, onStep, onEvent }) {
    const on = ({ kind, data }, [bytes] = []) => {
      for (const one of kind === 'step' ? data : [data]) {
        if (kind === 'step') onStep?.(one);
        onEvent?.({ [kind]: kind === 'snapshot' ? { ...one, bytes } : one });
      }
    };
    const stop = new AbortController();
    this.#stop ??= stop; // a second one is refused while one runs
    try {
      const { data } = await this.#call(method, params, { on, blobs, signal, stop: stop.signal });
      return (this.#last = new Fit(this.#engine, data));
    } finally {
      if (this.#stop === stop) this.#stop = null;
    }
  }

  /** Ends a running adapt after its step; its promise gives what it has learned. */
  stop() {
    this.#stop?.abort();
  }

  /** Makes a fine-tune of what Fit.share or Fit.pack gave: a code, a link with one, or a .handful file. */
  async restore(given, { signal } = {}) {
    const { params, blobs } = shared(given);
    const { data } = await this.#call('restore', params, { blobs, signal });
    return (this.#last = new Fit(this.#engine, data));
  }

  /** Tells what a code, a link or a .handful file holds and which base and skills it wants. */
  async card(given, { signal } = {}) {
    const { params, blobs } = shared(given);
    return (await this.#call('card', params, { blobs, signal })).data;
  }

  /** Names the open weights by the sha256 of their files. */
  identity({ signal } = {}) {
    return this.#ask('identity', {}, signal);
  }

  /** Reads examples without training: rows, faults with lines, the first prompt. */
  preview({ examples, signal, ...options } = {}) {
    return this.#ask('preview', { ...options, examples: jsonl(examples) }, signal);
  }

  /** Names the columns of a table that are the input and the output. */
  async mapColumns({ signal, ...options }) {
    return (await this.#ask('columns', options, signal)).examples;
  }

  /** Gives the negative log likelihood of each row's labels. */
  score({ examples, signal, ...options } = {}) {
    return this.#ask('score', { ...this.#using(options), examples: jsonl(examples) }, signal);
  }

  /** Judges an adapter on rows. */
  evaluate({ examples, signal, ...options } = {}) {
    return this.#ask('evaluate', { ...this.#using(options), examples: jsonl(examples) }, signal);
  }

  /** Compares the gradients of tasks: their cosines, norms and losses. */
  async alignment({ tasks = [], adapter = 'skills', signal, onTask, ...options } = {}) {
    const named = Array.from(tasks, (task, i) => {
      const { name = `task ${i + 1}`, examples, instruction } = task?.examples === undefined ? { examples: task } : task;
      return { name, examples: jsonl(examples), instruction };
    });
    const on = ({ kind, data }) => kind === 'task' && onTask?.(data);
    return (await this.#call('alignment', { ...this.#using({ ...options, adapter }), tasks: named }, { on, signal })).data;
  }

  /** Tells the mixture of skills per site and head: of a fine-tune, a training task, or the mean. */
  async routing({ signal, ...options } = {}) {
    const { adapter, ...odd } = this.#pick(options);
    known('routing', odd);
    if (adapter instanceof Fit && adapter.routing) return adapter.routing;
    return this.#ask('routing', { adapter: adapter instanceof Fit ? adapter.method : adapter }, signal);
  }

  /** Continues a prompt: an async iterator of pieces of text. */
  async *generate(prompt, options = {}) {
    const { signal, ...rest } = typeof prompt === 'string' ? { ...options, prompt } : (prompt ?? {});
    const left = new AbortController(); // the loop may leave early
    const pieces = [];
    let wake = () => {};
    let ended = false;
    const on = ({ kind, data }) => {
      if (kind === 'text') pieces.push(...data);
      wake();
    };
    const answer = this.#call('generate', this.#using(rest), { on, signal, stop: left.signal }).finally(() => {
      ended = true;
      wake();
    });
    answer.catch(() => {}); // awaited below, unless the loop has left
    try {
      for (;;) {
        while (pieces.length) yield pieces.shift();
        if (ended) break;
        await new Promise((resolve) => (wake = resolve));
      }
      await answer;
    } finally {
      left.abort();
    }
  }

  /** Ends the engine and gives all memory back. */
  async dispose() {
    // what is closed lets its helpers go at once; what is busy goes with its Worker
    await Promise.race([this.#engine.call('close').catch(() => {}), new Promise((done) => setTimeout(done, 300))]);
    this.#engine.close();
  }

  async [Symbol.asyncDispose ?? 'asyncDispose']() {
    await this.dispose();
  }

  async #ask(method, params, signal) {
    return (await this.#call(method, params, { signal })).data;
  }

  /** Weights are uploaded at first use, so that every call may have progress. */
  #call(method, params, { on, ...rest }) {
    const all = (event, blobs) => (event.kind === 'progress' ? this.#onProgress?.(event.data) : on?.(event, blobs));
    return this.#engine.call(method, params, { ...rest, on: all });
  }

  /** Picks the adapter: the one given, else the newest. */
  #pick({ adapter, task, ...options }) {
    const newest = this.#last && !this.#last.freed ? this.#last : this.#first;
    return { ...options, adapter: task !== undefined ? `task:${task}` : (adapter ?? newest) };
  }

  /** Picks the adapter and names it for the engine. */
  #using(options) {
    const { adapter, ...rest } = this.#pick(options);
    return { ...rest, adapter: adapter instanceof Fit ? adapter.id : adapter };
  }
}

/** A finished fine-tune. */
class Fit {
  #engine;
  freed = false;

  constructor(engine, data) {
    this.#engine = engine;
    Object.assign(this, data);
  }

  /** Gives the PEFT folder: adapter, routing, log and card; or another format. */
  async export({ signal, ...options } = {}) {
    const { data, blobs } = await this.#engine.call('export', { id: this.id, ...options }, { signal });
    return data.names.map((name, i) => ({ name, [blobs[i] instanceof Blob ? 'blob' : 'bytes']: blobs[i] }));
  }

  /** Gives a code for a link, of at most 8,000 characters; only MHR-z is small enough. */
  async share(options = {}) {
    return (await this.#engine.call('share', { ...options, id: this.id })).data;
  }

  /** Counts the scored rows that its code gives the same prediction; of is 0 where none were scored. */
  async agreement(code) {
    return (await this.#engine.call('agreement', { code, id: this.id })).data;
  }

  /** Judges another way to use its examples on its rows: icl, z, mu or lora. */
  async against({ signal, onStep, ...options }) {
    const on = ({ kind, data }) => kind === 'step' && data.forEach((one) => onStep?.(one));
    return (await this.#engine.call('against', { ...options, id: this.id }, { on, signal })).data;
  }

  /** Lists the training tasks that are most like it, by their routing or by their gradients. */
  async similar({ signal, ...options } = {}) {
    return (await this.#engine.call('similar', { ...options, id: this.id }, { signal })).data;
  }

  /** Gives a .handful file with the weights as they are. */
  async pack(options = {}) {
    const { data, blobs } = await this.#engine.call('pack', { ...options, id: this.id });
    return { ...data, file: blobs[0] };
  }

  /** Drops it from the engine's memory. */
  async free() {
    this.freed = true;
    await this.#engine.call('free', { id: this.id });
  }
}
