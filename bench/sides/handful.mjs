// Handful in the page: training steps, and a prompt with its continuation.
import { createHandful } from '/handful.mjs';
import { prompt, rows } from './work.mjs';

/** kind is step or generate; what else there is, adapt and generate get. */
export async function open({ kind, base, inventory, device, kernel, ...work }) {
  const h = await createHandful({ base, inventory, device, kernel, keep: false });
  const { name, kind: on, family } = h.info.device;
  const side = kind === 'step' ? steps(h, work) : generation(h, work);
  const about = await side.warm();
  return { about: { ...about, device: `${name}, ${on}, ${family}` }, sample: side.sample };
}

function steps(h, { batch, tokens, steps, labelled, ...options }) {
  const warm = 2;
  const examples = rows(batch, tokens, h.info.vocab, labelled);
  const run = async (count) => {
    const times = [];
    const onStep = ({ step, ms }) => {
      if (step === warm || step === warm + count) mark();
      if (step > warm) times.push(ms);
    };
    const fit = await h.adapt({ ...options, examples, batch, steps: warm + count, order: 'file', warmup: 0, clip: 0, onStep });
    await fit.free();
    return { times, loss: fit.losses[0] };
  };
  return {
    warm: async () => ({ check: (await run(1)).loss }),
    sample: async () => {
      const { times } = await run(steps);
      return { ms: times.reduce((a, b) => a + b) / times.length, units: times.length };
    },
  };
}

function generation(h, { tokens, more }) {
  let round = 0;
  const run = async () => {
    const text = prompt(tokens, round++);
    let [first, pieces] = [0, 0];
    mark();
    const start = performance.now();
    for await (const _ of h.generate(text, { raw: true, maxTokens: more, temperature: 0 })) {
      first ||= performance.now();
      pieces++;
    }
    const end = performance.now();
    mark();
    if (pieces < more) throw new Error(`${pieces} pieces of text, want ${more}`);
    return { prefill: (tokens / (first - start)) * 1e3, decode: ((more - 1) / (end - first)) * 1e3 };
  };
  return { warm: async () => (await run(), {}), sample: run };
}
