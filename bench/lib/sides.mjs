// What a measure runs: a page of the browser, a program, or a process that is
// asked for one step after the other. Each has
//   open()    prepares and warms up; its answer may hold a number to check others by
//   sample()  one measurement: {ms or rates, cpuMs, peakBytes}
//   close()
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { browserCPU, peakBytes, rendererOf } from './processes.mjs';
import { root } from '../../e2e/lib/server.mjs';

/**
 * A module of sides/, in a page of its own. The module exports open(options),
 * which gives {about, sample}; it calls mark() where what is measured begins
 * and ends.
 */
export class InBrowser {
  constructor(name, module, options = {}) {
    Object.assign(this, { name, module, options });
  }

  async open(browser) {
    this.page = await browser.page();
    this.pid = await rendererOf(this.page);
    this.marks = [];
    await this.page.exposeFunction('mark', () => void this.marks.push(browserCPU()));
    return this.page.evaluate(async ({ module, options }) => {
      window.side = await (await import(`/bench/sides/${module}`)).open(options);
      return side.about ?? {};
    }, { module: this.module, options: this.options });
  }

  async sample() {
    this.marks.length = 0;
    const { units = 1, ...values } = await this.page.evaluate(() => side.sample());
    const [from, to] = [this.marks[0], this.marks.at(-1)];
    return { ...values, cpuMs: from === null || this.marks.length < 2 ? null : (to - from) / units, peakBytes: this.pid ? peakBytes(this.pid) : null };
  }

  async close() {
    await this.page?.close();
  }
}

/** A program that measures by itself and prints JSON with rows, as handful bench does. */
export class Program {
  constructor(name, command, args) {
    Object.assign(this, { name, command, args });
  }

  async open() {
    return {};
  }

  async sample() {
    const child = spawn(this.command, this.args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    let [out, said] = ['', ''];
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (said += text));
    const code = await Promise.race([once(child, 'close').then(([c]) => c), once(child, 'error').then(([e]) => Promise.reject(e))]);
    if (code !== 0) throw new Error(lastLine(said) || `${this.command} ended with ${code}`);
    const { ms, cpuMs, peakBytes } = JSON.parse(out).rows[0];
    return { ms, cpuMs, peakBytes };
  }

  async close() {
    this.child?.kill();
  }
}

/** A process that takes a step for each line that it is sent, and answers each with a line of JSON. */
export class Asked {
  constructor(name, command, args) {
    Object.assign(this, { name, command, args });
  }

  async open() {
    this.child = spawn(this.command, this.args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] });
    this.said = '';
    this.child.stderr.on('data', (text) => (this.said += text));
    this.child.stdin.on('error', () => {}); // it has ended: the answer says so
    this.ended = Promise.race([once(this.child, 'error').then(([e]) => e), once(this.child, 'close').then(() => new Error(lastLine(this.said) || 'it ended'))]);
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    await this.sample(); // loads, and warms up
    return {};
  }

  async sample() {
    this.child.stdin.write('\n');
    const line = await Promise.race([this.lines.next(), this.ended]);
    if (line instanceof Error) throw line;
    if (line.done) throw await this.ended;
    const { ms, cpuMs, peakBytes } = JSON.parse(line.value);
    return { ms, cpuMs, peakBytes };
  }

  async close() {
    this.child?.kill();
  }
}

const lastLine = (text) => text.trim().split('\n').at(-1);
