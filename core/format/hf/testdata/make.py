"""Makes tiny.gguf: the golden Llama as llama.cpp's converter would store it, and
pytorch_model.bin: the same as older transformers stored it, in BF16 and with the
tied head by its own name, too.

    pip install gguf==0.19.0 safetensors==0.8.0 torch==2.15.0 numpy && python make.py

Matrices are F16, but for the embedding, Q8_0; norms are F32. Rows of q and k
are permuted as convert_hf_to_gguf does.
"""
import numpy as np
import torch
from gguf import GGMLQuantizationType as T, GGUFWriter
from gguf.quants import quantize
from safetensors.numpy import load_file

x = load_file("../../../../testdata/golden/mhr/llama_gqa/model.safetensors")
w = GGUFWriter("tiny.gguf", "llama")
w.add_name("tiny")
w.add_block_count(2)
w.add_context_length(64)
w.add_embedding_length(32)
w.add_feed_forward_length(64)
w.add_head_count(4)
w.add_head_count_kv(2)
w.add_rope_freq_base(10000.0)
w.add_rope_dimension_count(8)
w.add_layer_norm_rms_eps(1e-5)
w.add_bos_token_id(1)
w.add_eos_token_id(2)

names = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def permute(m, heads):
    return m.reshape(heads, 2, m.shape[0] // heads // 2, *m.shape[1:]).swapaxes(1, 2).reshape(m.shape)


w.add_tensor("token_embd.weight", quantize(x["model.embed_tokens.weight"], T.Q8_0), raw_dtype=T.Q8_0)
for layer in range(2):
    for hf, gg in names.items():
        m = x[f"model.layers.{layer}.{hf}.weight"]
        if gg in ("attn_q", "attn_k"):
            m = permute(m, 4 if gg == "attn_q" else 2)
        w.add_tensor(f"blk.{layer}.{gg}.weight", m if m.ndim == 1 else np.ascontiguousarray(m.astype(np.float16)))
w.add_tensor("output_norm.weight", x["model.norm.weight"])
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()

state = {k: torch.from_numpy(v).bfloat16() for k, v in x.items()}
state["lm_head.weight"] = state["model.embed_tokens.weight"]
torch.save(state, "pytorch_model.bin")
