// A server's file of weights, and all that can go wrong with it.
import { createHash } from 'node:crypto';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/**
 * Answers for one file; what it does may be changed between requests:
 *   bytes, tag    the file, and its ETag; '' sends none
 *   ranges        whether it knows Range
 *   cuts          positions at which the next answers break off, one each
 *   always        the position at which every answer breaks off
 *   hold()        lets every answer stop half-way until go()
 *   instead       an answer of its own: (request, response) => void
 * asked lists what was asked for and how it was answered.
 */
export class Weights {
  constructor(bytes) {
    Object.assign(this, { bytes, tag: '"one"', ranges: true, cuts: [], always: Infinity, gate: null, go: () => {}, instead: null, asked: [] });
    this.answer = (request, response) => this.#answer(request, response);
  }

  hold() {
    this.gate = new Promise((go) => (this.go = () => ((this.gate = null), go())));
    return this;
  }

  async #answer(request, response) {
    const { range, 'if-range': ifRange } = request.headers;
    const entry = { range, ifRange, status: 200, sent: 0 };
    this.asked.push(entry);
    if (this.instead) return this.instead(request, response);
    const from = Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
    response.setHeader('Content-Type', 'application/octet-stream');
    if (this.tag) response.setHeader('ETag', this.tag);
    let rest = this.bytes;
    if (this.ranges && range && (!ifRange || ifRange === this.tag)) {
      if (from >= this.bytes.length) return response.writeHead((entry.status = 416)).end();
      rest = this.bytes.subarray(from);
      response.setHeader('Content-Range', `bytes ${from}-${this.bytes.length - 1}/${this.bytes.length}`);
      response.writeHead((entry.status = 206), { 'Content-Length': rest.length });
    } else {
      response.writeHead(200, { 'Content-Length': rest.length });
    }
    response.flushHeaders();
    const begin = this.bytes.length - rest.length;
    const end = Math.min(this.cuts.shift() ?? Infinity, this.always, this.bytes.length);
    const step = Math.ceil(this.bytes.length / 16);
    for (let at = begin; at < end && !response.destroyed; at += step) {
      const piece = this.bytes.subarray(at, Math.min(at + step, end));
      await new Promise((done) => response.write(piece, done));
      entry.sent += piece.length;
      if (at + step >= this.bytes.length / 2) await this.gate;
    }
    if (end === this.bytes.length) return response.end();
    await new Promise((done) => setTimeout(done, 150)); // what was sent has arrived, and is read: a stream that breaks loses the rest
    response.destroy();
  }
}
