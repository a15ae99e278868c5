"""Base models: a Hugging Face folder or a .gguf, T5, Llama, Qwen2 or Qwen3."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # bases are files here; nothing is asked of a hub

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.utils import logging

from .fault import Fault


@dataclass
class Base:
    model: nn.Module  # frozen, in eval mode
    tokenizer: object | None
    name: str  # for adapter_config.json
    file: str
    path: Path

    @property
    def seq2seq(self) -> bool:
        return self.model.config.is_encoder_decoder

    @property
    def end(self) -> str:
        """The token that ends an answer."""
        return self.tokenizer.eos_token if self.tokenizer else ""

    def sha256(self) -> str:
        """Of the weights: one file's, or of the shards' one after the other."""
        files = [self.path] if self.path.is_file() else sorted(self.path.glob("*.safetensors"))
        digest = hashlib.sha256()
        for p in files:
            with open(p, "rb") as f:
                while block := f.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()


def load_base(path, precision: str = "f32") -> Base:
    """A frozen base. With bf16 its linears' weights are kept in bf16, so that autocast needn't cast them each step; embeddings and norms stay f32."""
    path = Path(path)
    gguf = {"gguf_file": path.name} if path.suffix == ".gguf" else {}
    folder = path.parent if gguf else path
    if not (path.is_file() if gguf else (path / "config.json").is_file()):
        raise Fault("base", f"{path} is no .gguf and no Hugging Face folder", "name a file, or a folder with config.json")
    logging.disable_progress_bar()
    attention = "sdpa" if torch.cuda.is_available() else "eager"  # on a CPU, rows being short, a backward pass takes a quarter less
    try:
        config = AutoConfig.from_pretrained(folder, **gguf)
        if config.model_type not in ("llama", "qwen2", "qwen3", "t5"):
            raise Fault("base", f"model_type is {config.model_type}, want llama, qwen2, qwen3 or t5")
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention, **gguf)
    except (OSError, ValueError) as e:
        raise Fault("base", f"{path}: {str(e).splitlines()[0]}") from e
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **gguf)
    except (OSError, ValueError, TypeError, KeyError):
        tokenizer = None  # enough for rows given as tokens
    model.requires_grad_(False).eval()
    if precision == "bf16":
        for m in model.modules():
            if isinstance(m, nn.Linear):  # a tied head gets a copy of its own
                m.weight = nn.Parameter(m.weight.to(torch.bfloat16), requires_grad=False)
    name = "HuggingFaceTB/SmolLM2-135M-Instruct" if path.name.startswith("SmolLM2-135M-Instruct") else path.name
    return Base(model, tokenizer, name, path.name, path)
