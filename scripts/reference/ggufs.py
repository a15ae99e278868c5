"""Random GGUF files, written with the gguf package as llama.cpp's converter
writes them, and the same weights as a Hugging Face model."""

import random

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from transformers import LlamaConfig, LlamaForCausalLM

from . import llamacpp, train
from .cases import random_rope, random_rows
from .cli import close_logits, write_rows

KINDS = [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1]
if llamacpp.xllamacpp:
    KINDS += [Type.IQ4_NL, Type.Q4_K, Type.Q5_K, Type.Q6_K]
NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def random_model(r):
    """Sizes that blocks of 32, and now and then of 256, fit into; heads of any even width."""
    hidden = 32 * r.choice([1, 2, 3, 8])
    heads = r.choice([h for h in (2, 4, 8) if hidden // h % 2 == 0])
    model = dict(vocab_size=r.randint(60, 131), hidden_size=hidden, intermediate_size=32 * r.choice([1, 3, 4, 8]), num_hidden_layers=r.randint(1, 3), num_attention_heads=heads,
                 num_key_value_heads=r.choice([1, heads, heads // 2]), max_position_embeddings=64, tie_word_embeddings=r.random() < 0.5, rms_norm_eps=r.choice([1e-5, 1e-6]),
                 rope_parameters={"rope_theta": r.choice([1e4, 1e6])} | random_rope(r), pad_token_id=None, initializer_range=0.15 if hidden < 256 else 0.08)
    if r.random() < 0.3:
        model |= dict(head_dim=r.choice([16, 32]), num_attention_heads=2 * (hidden // 32), num_key_value_heads=2)
        model["num_key_value_heads"] = r.choice([1, 2]) if hidden // 32 != 3 else r.choice([1, 2, 3, 6])
    return model


def neighbours(w, heads):
    """llama.cpp's row order of q and k: the halves of each head in turns."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def halves(w, heads):
    """The way back."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def write(path, model, seed, kinds):
    """Writes the file, each matrix as one of kinds, and gives a model with what
    the quantised weights stand for."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    hf = LlamaForCausalLM(LlamaConfig(**model)).eval()
    c = hf.config
    w = gguf.GGUFWriter(path, "llama")
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_block_count(c.num_hidden_layers)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_rope_freq_base(c.rope_parameters["rope_theta"])
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_rope_dimension_count(c.head_dim)
    if c.head_dim * c.num_attention_heads != c.hidden_size:
        w.add_key_length(c.head_dim)
        w.add_value_length(c.head_dim)
    write_rope(w, hf)
    with torch.no_grad():
        for name, p in hf.named_parameters():
            v = p.numpy()
            if "norm" in name:
                p.uniform_(0.5, 1.5)
                w.add_tensor(ggml_name(name), v.copy())
                continue
            heads = {"q_proj": c.num_attention_heads, "k_proj": c.num_key_value_heads}.get(name.split(".")[-2])
            if heads:
                v = neighbours(v, heads)
            kind = kinds[rng.integers(len(kinds))]
            stored, kind = llamacpp.quantize(v, kind)
            w.add_tensor(ggml_name(name), stored, raw_dtype=kind)
            back = gguf.quants.dequantize(stored, kind).reshape(v.shape)
            p.copy_(torch.from_numpy(np.ascontiguousarray(halves(back, heads) if heads else back)))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return hf


def write_rope(w, hf):
    """Scaling as llama.cpp has it: a factor, or a tensor of what each frequency
    is divided by."""
    rope = hf.config.rope_parameters
    if rope["rope_type"] == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(rope["factor"])
    elif rope["rope_type"] == "llama3":
        d = hf.config.head_dim
        plain = rope["rope_theta"] ** -(np.arange(0, d, 2) / d)
        w.add_tensor("rope_freqs.weight", (plain / hf.model.rotary_emb.inv_freq.numpy()).astype(np.float32))


def ggml_name(name):
    if name.startswith("model.layers."):
        _, _, layer, *module, kind = name.split(".")
        return f"blk.{layer}.{NAMES['.'.join(module)]}.{kind}"
    return {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}[name]


def check(folder, handful, seed):
    """handful's logits of the file are transformers' of the weights that it
    stands for, and handful's own of those weights as a folder."""
    r = random.Random(seed)
    model = random_model(r)
    hf = write(folder / "m.gguf", model, seed, r.choice([[k] for k in KINDS] + [KINDS] * 4))
    hf.save_pretrained(folder / "hf")
    rows = random_rows(r, 8, model["vocab_size"], 1) + [dict(input_ids=[1, 2, 3], labels=[-100, 2, 3])]
    examples = ["--examples", write_rows(folder / "rows.jsonl", rows)]
    got, _ = handful.logits(folder, "--base", folder / "m.gguf", *examples)
    off = close_logits(got, train.logits(hf, rows))
    close_logits(got, handful.logits(folder, "--base", folder / "hf", *examples)[0])
    print(f"# {', '.join(f'{k} {v}' for k, v in model.items() if k in ('hidden_size', 'num_attention_heads', 'num_key_value_heads'))}: largest difference {off:.0e}", flush=True)
