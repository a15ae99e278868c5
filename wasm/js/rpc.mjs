// Calls to the engine's Worker: the same messages as Go's wasm/rpc.

/** What the engine could not do, and what to do about it. */
export class HandfulError extends Error {
  constructor({ kind, op, msg, hint }) {
    super(`${op}: ${msg}${hint ? `; ${hint}` : ''}`);
    this.name = kind === 'cancelled' ? 'AbortError' : 'HandfulError';
    this.kind = kind;
    this.op = op;
    this.hint = hint ?? '';
  }
}

const cancelled = (op) => new HandfulError({ kind: 'cancelled', op, msg: 'stopped' });

/** One Worker with the engine in it. */
export class Engine {
  #worker;
  #calls = new Map();
  #last = 0;
  #dead = null;

  /** worker is one that runs engine-worker.js, or its address; wasm is for it, where its program is not beside it. */
  constructor(worker, wasm) {
    this.#worker = typeof worker === 'string' || worker instanceof URL ? new Worker(worker, { type: 'module', name: 'handful' }) : worker;
    this.#worker.onmessage = ({ data }) => this.#receive(JSON.parse(data.msg), data.blobs);
    this.#worker.onerror = (event) =>
      this.#die(new HandfulError({ kind: 'bug', op: 'engine', msg: event.message || `${worker} did not start`, hint: 'reload the page' }));
    if (wasm) this.#worker.postMessage({ start: { wasm: wasm instanceof URL ? wasm.href : wasm } });
  }

  /**
   * Calls a method. Resolves with {data, blobs} of its done event; `on` gets
   * the events before it. When `signal` aborts, the engine stops the call and
   * then the promise is rejected; when `stop` aborts, the promise resolves with
   * what the call has so far, where the method can give that.
   */
  call(method, params = {}, { blobs = [], on, signal, stop } = {}) {
    if (this.#dead) return Promise.reject(this.#dead);
    if (signal?.aborted) return Promise.reject(cancelled(method));
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const abort = () => this.#cancel(id);
      const end = (settle) => (value) => {
        signal?.removeEventListener('abort', abort);
        stop?.removeEventListener('abort', abort);
        this.#calls.delete(id);
        if (this.#calls.size === 0) this.#worker.unref?.(); // Node may end
        settle(value);
      };
      const call = { on, failed: null, signal, method, done: end(resolve), fail: end(reject) };
      this.#calls.set(id, call);
      this.#worker.ref?.();
      signal?.addEventListener('abort', abort);
      stop?.addEventListener('abort', abort);
      this.#post({ id, method, params }, blobs);
    });
  }

  /** Ends the Worker; calls that wait are rejected. */
  close() {
    this.#die(new HandfulError({ kind: 'cancelled', op: 'engine', msg: 'closed' }));
  }

  #cancel(id) {
    if (!this.#dead) this.#post({ method: 'cancel', params: { id } }, []);
  }

  #post(request, blobs) {
    const moved = blobs.filter((b) => b instanceof Uint8Array).map((b) => b.buffer);
    this.#worker.postMessage({ msg: JSON.stringify(request), blobs }, moved);
  }

  #receive(event, blobs) {
    if (event.kind === 'crash') return this.#die(new HandfulError(event.err));
    const call = this.#calls.get(event.id);
    if (!call) return; // late: the call has ended
    if (event.kind === 'fault') return call.fail(call.failed ?? new HandfulError(event.err));
    if (event.kind === 'done') {
      if (call.failed) return call.fail(call.failed);
      return call.signal?.aborted ? call.fail(cancelled(call.method)) : call.done({ data: event.data, blobs });
    }
    if (!call.on || call.failed) return;
    try {
      call.on(event, blobs);
    } catch (error) { // the caller's own: stop, then tell
      call.failed = error;
      this.#cancel(event.id);
    }
  }

  #die(error) {
    if (this.#dead) return;
    this.#dead = error;
    this.#worker.terminate();
    for (const call of [...this.#calls.values()]) call.fail(error);
  }
}
