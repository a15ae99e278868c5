// TensorFlow.js: the LoRA step of jax-step.mjs, on the same weights and rows.
import { read } from '/e2e/lib/safetensors.mjs';
import { load } from './tfjs.mjs';
import { timed } from './matrices.mjs';
import { rows } from './work.mjs';

const [rank, alpha, rate] = [8, 16, 1e-3];

export async function open({ device, base, batch, tokens, steps }) {
  await load(device);
  const config = await (await fetch(`${base}config.json`)).json();
  const file = read(new Uint8Array(await (await fetch(`${base}model.safetensors`)).arrayBuffer()));
  const step = trainer(config, file, rows(batch, tokens, config.vocab_size));
  const check = await step(); // the first loss; compiles
  await step();
  return { about: { check, device }, sample: timed(steps, step, (loss) => [loss]) };
}

function trainer(config, file, examples) {
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kv, rms_norm_eps: eps, vocab_size: vocab, rope_theta: theta } = config;
  const [size, batch, tokens, group] = [hidden / heads, examples.length, examples[0].input_ids.length, heads / kv];
  const get = (name) => tf.tensor(file[name].data, file[name].shape);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, i) => {
    const at = `model.layers.${i}.`;
    const named = (room, names) => Object.fromEntries(names.map((n) => [n, get(`${at}${room}.${n}_proj.weight`)]));
    return {
      before: get(`${at}input_layernorm.weight`), ...named('self_attn', ['q', 'k', 'v', 'o']),
      after: get(`${at}post_attention_layernorm.weight`), ...named('mlp', ['gate', 'up', 'down']),
    };
  });
  const [embed, last] = [get('model.embed_tokens.weight'), get('model.norm.weight')];
  const some = (shape) => tf.variable(tf.randomUniform(shape, -1 / Math.sqrt(hidden), 1 / Math.sqrt(hidden)));
  const none = (shape) => tf.variable(tf.zeros(shape));
  const adapter = layers.map(() => ({ qa: some([hidden, rank]), qb: none([rank, heads * size]), va: some([hidden, rank]), vb: none([rank, kv * size]) }));

  const norm = (x, w) => x.mul(x.square().mean(-1, true).add(eps).rsqrt()).mul(w);
  const linear = (x, w) => tf.matMul(x, w, false, true);
  const lora = (x, w, a, b) => linear(x, w).add(tf.matMul(tf.matMul(x, a), b).mul(alpha / rank));
  const split = (x, n) => x.reshape([batch, tokens, n, size]).transpose([0, 2, 1, 3]);
  const angle = (f) => tf.tensor(Float32Array.from({ length: (tokens * size) / 2 }, (_, i) => f(Math.floor(i / (size / 2)) * theta ** (-(i % (size / 2)) / (size / 2)))), [tokens, size / 2]);
  const [cos, sin] = [angle(Math.cos), angle(Math.sin)];
  const rope = (x) => {
    const [a, b] = tf.split(x, 2, -1);
    return tf.concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], -1);
  };
  // The heads that share keys stand below each other: [batch, kv, group · tokens, size].
  const mask = tf.tensor(Float32Array.from({ length: group * tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) % tokens ? -1e9 : 0)), [group * tokens, tokens]);
  const attention = (q, k, v) => {
    const scores = tf.matMul(q.reshape([batch, kv, group * tokens, size]), k, false, true).mul(1 / Math.sqrt(size)).add(mask);
    return tf.matMul(scores.softmax(), v).reshape([batch, heads, tokens, size]).transpose([0, 2, 1, 3]).reshape([batch * tokens, hidden]);
  };
  const ids = tf.tensor1d(Int32Array.from(examples.flatMap((r) => r.input_ids)), 'int32');
  const hot = new Float32Array(batch * tokens * vocab); // 0 where a row ends: its last token has no next one
  examples.forEach(({ labels }, b) => labels.slice(1).forEach((id, t) => (hot[(b * tokens + t) * vocab + id] = 1)));
  const wanted = tf.tensor2d(hot, [batch * tokens, vocab]);

  const loss = () => {
    let x = embed.gather(ids);
    layers.forEach((w, i) => {
      const a = adapter[i];
      const h = norm(x, w.before);
      const q = rope(split(lora(h, w.q, a.qa, a.qb), heads));
      const k = rope(split(linear(h, w.k), kv));
      const v = split(lora(h, w.v, a.va, a.vb), kv);
      x = x.add(linear(attention(q, k, v), w.o));
      const g = norm(x, w.after);
      const gate = linear(g, w.gate);
      x = x.add(linear(gate.mul(gate.sigmoid()).mul(linear(g, w.up)), w.down));
    });
    return linear(norm(x, last), embed).logSoftmax().mul(wanted).sum().mul(-1 / (batch * (tokens - 1)));
  };
  const adam = tf.train.adam(rate);
  const vars = adapter.flatMap(Object.values);
  return async () => {
    const value = adam.minimize(loss, true, vars);
    const [number] = await value.data();
    value.dispose();
    await vars.at(-1).data(); // it has been updated
    return number;
  };
}
