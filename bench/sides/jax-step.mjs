// jax-js: a LoRA step of a small Llama, on the weights that handful reads too.
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad, blockUntilReady } from '/bench/node_modules/@jax-js/jax/dist/index.js';
import { read } from '/e2e/lib/safetensors.mjs';
import { timed } from './matrices.mjs';
import { rows } from './work.mjs';

const [rank, alpha, rate] = [8, 16, 1e-3];

export async function open({ device, base, batch, tokens, steps }) {
  if (!(await init(device)).includes(device)) throw new Error(`jax-js has no ${device} here`);
  defaultDevice(device);
  const config = await (await fetch(`${base}config.json`)).json();
  const file = read(new Uint8Array(await (await fetch(`${base}model.safetensors`)).arrayBuffer()));
  const frozen = model(config, file);
  const side = trainer(config, frozen, rows(batch, tokens, config.vocab_size));
  const check = await side.step(); // the first loss; compiles
  await side.step();
  return { about: { check, device }, sample: timed(steps, side.step, (loss) => [loss]) };
}

/** The frozen weights; those of linear layers as [in, out]. */
function model(config, file) {
  const get = (name) => np.array(file[name].data).reshape(file[name].shape);
  const linear = (name) => np.transpose(get(`${name}.weight`));
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => {
    const at = `model.layers.${i}.`;
    const named = (room, names) => Object.fromEntries(names.map((n) => [n, linear(`${at}${room}.${n}_proj`)]));
    return {
      before: get(`${at}input_layernorm.weight`), ...named('self_attn', ['q', 'k', 'v', 'o']),
      after: get(`${at}post_attention_layernorm.weight`), ...named('mlp', ['gate', 'up', 'down']),
    };
  });
  return { embed: get('model.embed_tokens.weight'), norm: get('model.norm.weight'), layers };
}

/** jax-js counts references: what is used again is used by .ref. */
function trainer(config, frozen, examples) {
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kv, rms_norm_eps: eps, vocab_size: vocab } = config;
  const [size, batch, tokens] = [hidden / heads, examples.length, examples[0].input_ids.length];
  const norm = (x, w) => x.ref.div(np.sqrt(np.mean(np.square(x), -1, { keepdims: true }).add(eps))).mul(w);
  const lora = (x, w, a, b) => np.matmul(x.ref, w).add(np.matmul(np.matmul(x, a), b).mul(alpha / rank));
  const rope = (x, cos, sin) => {
    const [a, b] = np.split(x, 2, -1);
    return np.concatenate([a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref)), b.mul(cos).add(a.mul(sin))], -1);
  };
  const loss = (adapter, { embed, norm: last, layers }, ids, wanted, cos, sin) => {
    let x = np.take(embed.ref, ids, 0);
    layers.forEach((w, i) => {
      const a = adapter[i];
      const h = norm(x.ref, w.before);
      const q = lora(h.ref, w.q, a.qa, a.qb).reshape([batch, tokens, heads, size]);
      const v = lora(h.ref, w.v, a.va, a.vb).reshape([batch, tokens, kv, size]);
      const k = np.matmul(h, w.k).reshape([batch, tokens, kv, size]);
      const seen = nn.dotProductAttention(rope(q, cos.ref, sin.ref), rope(k, cos.ref, sin.ref), v, { isCausal: true });
      x = x.add(np.matmul(seen.reshape([batch, tokens, hidden]), w.o));
      const g = norm(x.ref, w.after);
      x = x.add(np.matmul(nn.silu(np.matmul(g.ref, w.gate)).mul(np.matmul(g, w.up)), w.down));
    });
    cos.dispose();
    sin.dispose();
    const logits = np.matmul(norm(x, last), np.transpose(embed));
    // wanted is 0 where a row ends: its last token has no next one
    return np.sum(nn.logSoftmax(logits, -1).mul(wanted)).mul(-1 / (batch * (tokens - 1)));
  };
  const update = jit((adapter, m, v, rates, ...rest) => {
    const [value, g] = valueAndGrad(loss)(tree.ref(adapter), ...rest);
    const m2 = tree.map((m, g) => m.mul(0.9).add(g.mul(0.1)), m, tree.ref(g));
    const v2 = tree.map((v, g) => v.mul(0.999).add(np.square(g).mul(0.001)), v, g);
    // rates: the learning rate with what corrects the first moment, and that of the second
    const next = tree.map((p, m, v) => p.sub(m.mul(rates.ref.slice(0)).div(np.sqrt(v.mul(rates.ref.slice(1))).add(1e-8))), adapter, tree.ref(m2), tree.ref(v2));
    rates.dispose();
    return [value, next, m2, v2];
  });

  const first = (shape, spread) => np.array(Float32Array.from({ length: shape[0] * shape[1] }, () => (Math.random() * 2 - 1) * spread)).reshape(shape);
  let adapter = frozen.layers.map(() => ({
    qa: first([hidden, rank], 1 / Math.sqrt(hidden)), qb: np.zeros([rank, heads * size]),
    va: first([hidden, rank], 1 / Math.sqrt(hidden)), vb: np.zeros([rank, kv * size]),
  }));
  let m = tree.map((p) => np.zeros(p.shape), adapter);
  let v = tree.map((p) => np.zeros(p.shape), adapter);
  const ids = np.array(Int32Array.from(examples.flatMap((r) => r.input_ids)), { dtype: np.int32 }).reshape([batch, tokens]);
  const hot = new Float32Array(batch * tokens * vocab);
  examples.forEach(({ labels }, b) => labels.slice(1).forEach((id, t) => (hot[(b * tokens + t) * vocab + id] = 1)));
  const wanted = np.array(hot).reshape([batch, tokens, vocab]);
  const angle = (f) => np.array(Float32Array.from({ length: (tokens * size) / 2 }, (_, i) => f(Math.floor(i / (size / 2)) * config.rope_theta ** (-(i % (size / 2)) / (size / 2))))).reshape([tokens, 1, size / 2]);
  const [cos, sin] = [angle(Math.cos), angle(Math.sin)];
  let t = 0;
  const step = async () => {
    t++;
    const rates = np.array(new Float32Array([rate / (1 - 0.9 ** t), 1 / (1 - 0.999 ** t)]));
    const out = update(adapter, m, v, rates, tree.ref(frozen), ids.ref, wanted.ref, cos.ref, sin.ref);
    [adapter, m, v] = out.slice(1);
    await blockUntilReady(out.slice(1));
    return (await out[0].data())[0];
  };
  return { step };
}
