// The page in another page's frame (?embed): its engine answers pages of other
// origins that its host names. A page sends "handful: connect" with a port; what
// goes over the port then is what goes to the engine's Worker.
import { HandfulError } from './rpc.mjs';

const connect = 'handful: connect';
const here = 'handful: here';

/** How long a frame may take to answer, in ms: it loads first. */
const patience = 60_000;

/** Connects to the engine of a frame: what it gives is used like a Worker. */
export function attach(frame, signal) {
  const { contentWindow, src } = frame;
  const wrong = (msg, hint, kind = 'input') => new HandfulError({ kind, op: 'frame', msg, hint });
  if (!contentWindow || !src) throw wrong('got no frame with a page in it', 'give an <iframe> that stands in the document, with the address of the page and ?embed');
  const { origin } = new URL(src, document.baseURI);
  return new Promise((resolve, reject) => {
    let port = null;
    const ask = () => {
      port?.close();
      const channel = new MessageChannel();
      port = channel.port1;
      port.onmessage = ({ data }) => (data.ready ? end(resolve, asWorker(port)) : end(reject, new HandfulError(data.err)));
      contentWindow.postMessage(connect, { targetOrigin: origin, transfer: [channel.port2] });
    };
    const heard = ({ source, data }) => source === contentWindow && data === here && ask();
    const stop = () => end(reject, wrong('stopped', '', 'cancelled'));
    const timer = setTimeout(() => end(reject, wrong(`${src} did not answer`, 'its address is that of the page, with ?embed')), patience);
    const end = (settle, value) => {
      clearTimeout(timer);
      removeEventListener('message', heard);
      signal?.removeEventListener('abort', stop);
      settle(value);
    };
    addEventListener('message', heard);
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) return stop();
    ask(); // it may stand there for long
  });
}

function asWorker(port) {
  const worker = {
    onmessage: null,
    onerror: null,
    postMessage: (data, move) => port.postMessage(data, move),
    terminate() {
      port.postMessage({ end: true });
      port.close();
    },
  };
  port.onmessage = (event) => (event.data.failed ? worker.onerror?.({ message: event.data.failed }) : worker.onmessage?.(event));
  return worker;
}

/**
 * Lets other pages in: in the frame. allowed are their origins ('*' is all);
 * those of this origin may always. start() gives a Worker for one of them.
 */
export function admit(allowed, start) {
  const may = (origin) => origin === location.origin || allowed.includes(origin) || allowed.includes('*');
  addEventListener('message', ({ source, origin, data, ports: [port] }) => {
    if (data !== connect || !port || source !== window.parent) return;
    if (!may(origin)) {
      const err = { kind: 'input', op: 'frame', msg: `${origin} may not use ${location.origin}`, hint: 'its host lists who may in models/embed.json' };
      return port.postMessage({ err });
    }
    let worker = null;
    port.onmessage = ({ data }) => {
      if (data.end) {
        worker?.terminate();
        return port.close();
      }
      if (!worker) {
        worker = start();
        worker.onmessage = ({ data }) => port.postMessage(data, data.blobs.filter((b) => b instanceof Uint8Array).map((b) => b.buffer));
        worker.onerror = (event) => port.postMessage({ failed: event.message || 'the engine did not start' });
      }
      const { msg, blobs = [] } = data; // and nothing else, such as another program
      worker.postMessage({ msg, blobs }, Array.from(blobs).filter((b) => b instanceof Uint8Array).map((b) => b.buffer));
    };
    port.postMessage({ ready: true });
  });
  window.parent.postMessage(here, '*'); // no more than that it is there
}
