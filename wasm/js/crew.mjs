// Helpers of the engine's Worker: Workers that multiply by the frozen weights,
// each by its share of them. The weights, what they are multiplied with and what
// comes out lie in one shared memory, on which the same SIMD kernels run that
// the engine runs on its own. Nothing is sent: a job is a few numbers at the
// beginning of that memory, and Atomics wake who waits. Shares depend on sizes
// alone, so the number of helpers does not change a result.

const page = 65536;
const most = 16384; // pages: 1 GB; what has no room stays with the engine alone
const patience = 30_000; // ms: a helper that takes longer is dead
const panelBytes = 256 << 10; // of a weight that is widened at a time
const stageBytes = 12 << 20; // of what is multiplied and what comes out, at a time

// The numbers of a job, at the beginning of the memory.
const at = { turn: 0, left: 1, kind: 2, weight: 3, decoder: 4, elems: 5, size: 6, wrows: 7, wcols: 8, x: 9, y: 10, rows: 11, scratch: 12, room: 13, shares: 14 };
const head = 256;

export const kinds = { forward: 1, backward: 2, leave: 3 };

/** cut is where share i of n things begins, in whole units. */
const cut = (n, unit, i, shares) => Math.min(n, Math.floor((Math.ceil(n / unit) * i) / shares) * unit);

/** Does share i of the job that the memory tells. */
function share(kernels, names, job, i) {
  const get = (k) => Atomics.load(job, at[k]) >>> 0;
  const [weight, elems, size, wrows, wcols, x, y, rows, shares] = ['weight', 'elems', 'size', 'wrows', 'wcols', 'x', 'y', 'rows', 'shares'].map(get);
  const widen = kernels[names[get('decoder') | 0]]; // none for -1: f32 is as it is
  const scratch = get('scratch') + i * get('room');
  const panel = scratch + kernels.scratch_bytes();
  const bytes = (n) => (n / elems) * size;
  if (get('kind') === kinds.forward) { // y [rows, wrows] = x·Wᵀ: rows of W
    const [lo, hi] = [cut(wrows, 16, i, shares), cut(wrows, 16, i + 1, shares)];
    const step = widen ? Math.max(16, Math.floor(panelBytes / 4 / wcols)) : hi - lo;
    for (let r = lo; r < hi; r += step) {
      const n = Math.min(step, hi - r);
      const at = weight + r * bytes(wcols);
      widen?.(panel, at, (n * wcols) / elems);
      kernels.gemm_nt(y + 4 * r, x, widen ? panel : at, rows, n, wcols, wrows, wcols, wcols, 1, 0, scratch);
    }
    return;
  }
  // y [rows, wcols] = x·W: columns of W
  const unit = Math.max(16, elems);
  const [lo, hi] = [cut(wcols, unit, i, shares), cut(wcols, unit, i + 1, shares)];
  const wide = hi - lo;
  if (wide === 0) return;
  if (!widen) return kernels.gemm_nn(y + 4 * lo, x, weight + bytes(lo), rows, wide, wrows, wcols, wrows, wcols, 1, 0, scratch);
  const step = Math.max(16, Math.floor(panelBytes / 4 / wide));
  for (let r = 0; r < wrows; r += step) {
    const n = Math.min(step, wrows - r);
    for (let q = 0; q < n; q++) widen(panel + 4 * q * wide, weight + (r + q) * bytes(wcols) + bytes(lo), wide / elems);
    kernels.gemm_nn(y + 4 * lo, x + 4 * r, panel, rows, wide, n, wcols, wrows, wide, 1, r > 0 ? 1 : 0, scratch);
  }
}

/** What a helper does: share after share, until it is told to leave. */
export async function help({ code, memory, names, index }) {
  const kernels = (await WebAssembly.instantiate(code, { env: { mem: memory } })).exports;
  const job = new Int32Array(memory.buffer, 0, head / 4);
  let turn = Atomics.load(job, at.turn);
  postMessage('ready');
  for (;;) {
    Atomics.wait(job, at.turn, turn);
    turn = Atomics.load(job, at.turn);
    if (Atomics.load(job, at.kind) === kinds.leave) return self.close();
    share(kernels, names, job, index);
    if (Atomics.sub(job, at.left, 1) === 1) Atomics.notify(job, at.left);
  }
}

/** Spans of a memory that grows: first fit, 16 bytes apart. */
class Heap {
  #free = [];
  #sizes = new Map();

  constructor(memory, from) {
    this.memory = memory;
    this.#free.push([from, memory.buffer.byteLength]);
  }

  take(n) {
    n = Math.ceil(n / 16) * 16;
    let i = this.#free.findIndex(([lo, hi]) => hi - lo >= n);
    if (i < 0) {
      const end = this.memory.buffer.byteLength;
      const last = this.#free.at(-1);
      const have = last?.[1] === end ? end - last[0] : 0;
      const pages = Math.ceil((n - have) / page);
      this.memory.grow(pages); // throws where there is no more
      if (have) last[1] += pages * page;
      else this.#free.push([end, end + pages * page]);
      i = this.#free.length - 1;
    }
    const span = this.#free[i];
    const p = span[0];
    this.#sizes.set(p, n);
    if ((span[0] += n) === span[1]) this.#free.splice(i, 1);
    return p;
  }

  give(p) {
    const n = this.#sizes.get(p);
    this.#sizes.delete(p);
    this.#free.push([p, p + n]);
    this.#free.sort((a, b) => a[0] - b[0]);
    for (let i = this.#free.length - 1; i > 0; i--) {
      if (this.#free[i - 1][1] !== this.#free[i][0]) continue;
      this.#free[i - 1][1] = this.#free[i][1];
      this.#free.splice(i, 1);
    }
  }
}

/**
 * A crew for an engine: code is the kernels' module for a shared memory of
 * `most` pages, mem the engine's own memory, names its decoders.
 */
class Crew {
  constructor(memory, kernels, names, mem, shares) {
    Object.assign(this, { memory, kernels, names, mem, shares, stage: [0, 0] });
    this.job = new Int32Array(memory.buffer, 0, head / 4);
    this.room = kernels.scratch_bytes() + 2 * panelBytes;
    this.heap = new Heap(memory, head);
    this.scratch = this.heap.take(shares * this.room);
  }

  /** Copies n bytes of the engine's memory into the crew's; 0 where there is no room. */
  put(from, n) {
    try {
      const p = this.heap.take(n);
      this.#copy(this.memory, p, this.mem, from, n);
      return p;
    } catch {
      return 0;
    }
  }

  /** Copies n bytes of the crew's memory into the engine's. */
  get(p, to, n) {
    this.#copy(this.mem, to, this.memory, p, n);
  }

  free(p) {
    this.heap.give(p);
  }

  /** Lets the helpers go. */
  dismiss() {
    Atomics.store(this.job, at.kind, kinds.leave);
    Atomics.add(this.job, at.turn, 1);
    Atomics.notify(this.job, at.turn);
  }

  /** One product with a weight, some rows at a time; false where there is no room, or a helper does not answer. */
  run(kind, weight, decoder, elems, size, wrows, wcols, x, y, rows) {
    const [nx, ny] = kind === kinds.forward ? [wcols, wrows] : [wrows, wcols];
    const most = Math.max(16, Math.floor(stageBytes / 4 / (nx + ny)));
    let px;
    try {
      px = this.#staged(4 * Math.min(rows, most) * (nx + ny));
    } catch {
      return false; // no more memory
    }
    for (let r = 0; r < rows; r += most) {
      const n = Math.min(most, rows - r);
      const py = px + 4 * n * nx;
      this.#copy(this.memory, px, this.mem, x + 4 * r * nx, 4 * n * nx);
      const set = { kind, weight, decoder, elems, size, wrows, wcols, x: px, y: py, rows: n, scratch: this.scratch, room: this.room, shares: this.shares, left: this.shares - 1 };
      for (const k in set) Atomics.store(this.job, at[k], set[k]);
      Atomics.add(this.job, at.turn, 1);
      Atomics.notify(this.job, at.turn);
      share(this.kernels, this.names, this.job, this.shares - 1);
      for (let left; (left = Atomics.load(this.job, at.left)) > 0; ) {
        if (Atomics.wait(this.job, at.left, left, patience) === 'timed-out') return false;
      }
      this.#copy(this.mem, y + 4 * r * ny, this.memory, py, 4 * n * ny);
    }
    return true;
  }

  /** Where x and y of a product lie, for n bytes of both. */
  #staged(n) {
    const [p, size] = this.stage;
    if (size >= n) return p;
    if (size) this.heap.give(p);
    this.stage = [0, 0];
    this.stage = [this.heap.take(n), n];
    return this.stage[0];
  }

  #copy(to, p, from, q, n) {
    new Uint8Array(to.buffer, p, n).set(new Uint8Array(from.buffer, q, n));
  }
}

/** How many processors a crew may use, the engine's own among them. */
const processors = () => Math.min(8, globalThis.navigator?.hardwareConcurrency ?? 1);

/** Whether there can be one: pages that are cross-origin isolated share memory. */
const can = () => globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === 'function' && typeof Worker === 'function' && processors() > 1;

/**
 * Hires a crew; null where there can be none. names are the exports that widen
 * stored weights.
 */
export async function hire(code, names, mem) {
  if (!can()) return null;
  const helpers = [];
  try {
    const memory = new WebAssembly.Memory({ initial: 64, maximum: most, shared: true });
    const module = await WebAssembly.compile(code);
    const kernels = (await WebAssembly.instantiate(module, { env: { mem: memory } })).exports;
    const n = processors();
    await Promise.race([
      Promise.all(Array.from({ length: n - 1 }, (_, index) => new Promise((ready, fail) => {
        const w = new Worker(new URL('./crew-worker.js', import.meta.url), { type: 'module' });
        helpers.push(w);
        w.onmessage = ready;
        w.onerror = fail;
        w.postMessage({ code: module, memory, names, index });
      }))),
      new Promise((_, fail) => setTimeout(fail, 10_000)),
    ]);
    return new Crew(memory, kernels, names, mem, n);
  } catch {
    for (const w of helpers) w.terminate();
    return null;
  }
}
