// The engine's thread on Node: what engine-worker.js finds in a browser's
// Worker, then that.
import { openSync, readSync, statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** A file that is read like a Blob: Node's own cannot be handed to a thread. */
class DiskBlob {
  #fd;
  #from;

  constructor(fd, from, size) {
    this.#fd = fd;
    this.#from = from;
    this.size = size;
  }

  static open(path) {
    return new DiskBlob(openSync(path), 0, statSync(path).size);
  }

  slice(from = 0, to = this.size) {
    const end = Math.min(to, this.size);
    return new DiskBlob(this.#fd, this.#from + from, Math.max(0, end - from));
  }

  async arrayBuffer() {
    const bytes = new Uint8Array(this.size);
    let done = 0;
    for (let n = -1; done < bytes.length && n !== 0; done += n) n = readSync(this.#fd, bytes, done, bytes.length - done, this.#from + done);
    return bytes.buffer.slice(0, done); // short where the file has shrunk: the reader says so
  }
}

globalThis.self = globalThis;
globalThis.location = { href: 'file:///', origin: 'file://' };
globalThis.postMessage = (data, move) => parentPort.postMessage(data, move);
if (workerData.gpu) {
  const { create, globals } = await import(workerData.gpu);
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) }, configurable: true });
}
globalThis.addEventListener = (type, listener) => type === 'unhandledrejection' && process.on('unhandledRejection', (reason) => listener({ reason }));

await import('../engine-worker.js'); // messages wait for the listener
parentPort.on('message', (data) => {
  const blobs = data?.blobs?.map?.((b) => (typeof b?.path === 'string' ? DiskBlob.open(b.path) : b));
  globalThis.onmessage({ data: blobs ? { ...data, blobs } : data });
});
