// The small Llama that a LoRA step is measured on, with random weights, the same
// every time.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { write } from '../../e2e/lib/safetensors.mjs';
import { root } from '../../e2e/lib/server.mjs';
import { numbers } from '../sides/work.mjs';

const config = {
  architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 576, intermediate_size: 1536, num_hidden_layers: 4,
  num_attention_heads: 9, num_key_value_heads: 3, vocab_size: 2048, max_position_embeddings: 256, rope_theta: 10000,
  rms_norm_eps: 1e-5, hidden_act: 'silu', tie_word_embeddings: true, bos_token_id: 1, eos_token_id: 2, torch_dtype: 'float32',
};

/** Writes it into dist/bench/lora and gives its address on the tests' server. */
export function smallModel() {
  const { hidden_size: h, intermediate_size: f, num_hidden_layers: layers, vocab_size: vocab } = config;
  const kv = (h / config.num_attention_heads) * config.num_key_value_heads;
  const shapes = { 'model.embed_tokens.weight': [vocab, h], 'model.norm.weight': [h] };
  for (let i = 0; i < layers; i++) {
    const at = `model.layers.${i}.`;
    Object.assign(shapes, {
      [`${at}input_layernorm.weight`]: [h], [`${at}post_attention_layernorm.weight`]: [h],
      [`${at}self_attn.q_proj.weight`]: [h, h], [`${at}self_attn.k_proj.weight`]: [kv, h],
      [`${at}self_attn.v_proj.weight`]: [kv, h], [`${at}self_attn.o_proj.weight`]: [h, h],
      [`${at}mlp.gate_proj.weight`]: [f, h], [`${at}mlp.up_proj.weight`]: [f, h], [`${at}mlp.down_proj.weight`]: [h, f],
    });
  }
  const below = numbers(1);
  const tensors = {};
  for (const [name, shape] of Object.entries(shapes)) {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    for (let i = 0; i < data.length; i++) data[i] = shape.length === 1 ? 1 : below(2001) / 2e4 - 0.05;
    tensors[name] = { shape, data };
  }
  const dir = path.join(root, 'dist/bench/lora');
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, 'config.json'), JSON.stringify(config));
  writeFileSync(path.join(dir, 'model.safetensors'), write(tensors));
  return '/dist/bench/lora/';
}
