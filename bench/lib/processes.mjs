// What the browser's processes take, from /proc: on other systems than Linux
// there is nothing to read, and those columns stay empty.
import { readdirSync, readFileSync } from 'node:fs';

const tick = 10; // ms: USER_HZ is 100 on every Linux that Go and Chromium run on

const read = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended, or there is no /proc
  }
};

/** All processes: pid to {parent, cpuMs}. */
function processes() {
  const all = new Map();
  let names = [];
  try {
    names = readdirSync('/proc');
  } catch {
    return all;
  }
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const f = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from field 3, the state
    if (f.length > 12) all.set(Number(name), { parent: Number(f[1]), cpuMs: (Number(f[11]) + Number(f[12])) * tick });
  }
  return all;
}

/** The browser's processes: descendants of this one that run Chromium. Gives pid to {cpuMs, type}. */
export function browserProcesses() {
  const all = processes();
  const ours = new Map();
  for (const [pid, p] of all) {
    let up = p.parent;
    while (up > 1 && up !== process.pid) up = all.get(up)?.parent ?? 0;
    if (up !== process.pid) continue;
    const command = read(`/proc/${pid}/cmdline`);
    if (/chrom/i.test(command.split('\0')[0])) ours.set(pid, { cpuMs: p.cpuMs, type: command.match(/--type=([a-z-]+)/)?.[1] ?? 'browser' });
  }
  return ours;
}

/** Processor time of the whole browser so far, in ms; null where it can't be known. */
export function browserCPU() {
  const ours = browserProcesses();
  return ours.size ? [...ours.values()].reduce((sum, p) => sum + p.cpuMs, 0) : null;
}

/** Most memory that a process has had so far, in bytes; null where it can't be known. */
export function peakBytes(pid) {
  const kb = read(`/proc/${pid}/status`).match(/^VmHWM:\s+(\d+) kB/m)?.[1];
  return kb ? Number(kb) * 1024 : null;
}

/** The process that a page runs in: the renderer that is busiest while it spins, twice in a row. */
export async function rendererOf(page) {
  let last = null;
  for (let i = 0; i < 6; i++) {
    const before = browserProcesses();
    await page.evaluate(() => {
      for (const end = performance.now() + 400; performance.now() < end; );
    });
    let [found, most] = [null, 0];
    for (const [pid, p] of browserProcesses()) {
      const busy = p.cpuMs - (before.get(pid)?.cpuMs ?? 0);
      if (p.type === 'renderer' && busy > most) [found, most] = [pid, busy];
    }
    if (found && found === last) return found;
    last = found;
  }
  return null;
}
