"""Writes qwen2/ and qwen3/: a tiny model with random weights, biases and norms, as a Hugging Face folder and as GGUF, a LoRA of PEFT's, and what
torch makes of them.

    .cache/venv/bin/python core/model/testdata/make_qwen.py
"""

import json
from pathlib import Path

import gguf
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen3Config

ROWS = [([5, 17, 40, 3, 22, 61], 3), ([9, 2, 33, 80, 80, 12, 7], 2), ([50, 4, 4, 90], 1), ([1, 70, 29, 8, 11, 64, 95, 30], 4)]  # ids, labels at the end


def main():
    sizes = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                 max_position_embeddings=64, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
                 bos_token_id=1, eos_token_id=2, use_sliding_window=False)
    write(Path(__file__).parent / "qwen2", Qwen2Config(**sizes), gguf.MODEL_ARCH.QWEN2)
    write(Path(__file__).parent / "qwen3", Qwen3Config(**sizes, head_dim=16), gguf.MODEL_ARCH.QWEN3)


def write(here, c, arch):
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_config(c).float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith("bias"):
                p.normal_(0, 0.5)
            elif p.dim() == 1:
                p.normal_(1, 0.2)
            else:
                p.normal_(0, 0.2)
    model.save_pretrained(here / "base")
    (here / "base" / "generation_config.json").unlink(missing_ok=True)
    write_gguf(here / "tiny.gguf", c, arch, {k: v.detach() for k, v in model.state_dict().items()})

    vectors = {}
    with torch.no_grad():
        for i, (ids, _) in enumerate(ROWS):
            vectors[f"row{i}"] = model(torch.tensor([ids])).logits[0].contiguous()
    sites = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    tuned = get_peft_model(model, LoraConfig(r=4, lora_alpha=1, target_modules=sites, task_type="CAUSAL_LM"))
    trained = [p for p in tuned.parameters() if p.requires_grad]
    with torch.no_grad():
        for p in trained:
            p.normal_(0, 0.3)
    tuned.save_pretrained(here / "adapter")
    (here / "adapter" / "README.md").unlink(missing_ok=True)
    rows, loss, norm = [], [], []
    for i, (ids, n) in enumerate(ROWS):
        labels = [-100] * (len(ids) - n) + ids[-n:]
        rows.append({"input_ids": ids, "labels": labels})
        out = tuned(input_ids=torch.tensor([ids]), labels=torch.tensor([labels]))
        grads = torch.autograd.grad(out.loss, trained)
        loss.append(out.loss.item())
        norm.append(sum(g.double().square().sum() for g in grads).sqrt().item())
        vectors[f"adapted{i}"] = out.logits[0].detach().contiguous()
    save_file(vectors, here / "logits.safetensors")
    (here / "rows.json").write_text(json.dumps({"rows": rows, "loss": loss, "grad_norm": norm}, indent=1) + "\n")


def write_gguf(path, c, arch, weights):
    """As llama.cpp's convert_hf_to_gguf.py does: HF's halves of heads stay as they are."""
    w = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[arch])
    w.add_block_count(c.num_hidden_layers)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    if c.model_type == "qwen3":
        w.add_key_length(c.head_dim)
        w.add_value_length(c.head_dim)
    w.add_rope_freq_base(c.rope_parameters["rope_theta"])
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_vocab_size(c.vocab_size)
    w.add_tokenizer_model("none")
    names = gguf.get_tensor_name_map(arch, c.num_hidden_layers)
    for name, v in weights.items():
        w.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), v.numpy())
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main()
