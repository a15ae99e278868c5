"""A tiny base with a tokenizer of characters, and a folder of small tasks."""

import json
import os
import pathlib
import random
import string
import subprocess
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TQDM_DISABLE"] = "1"

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

torch.set_num_threads(1)
ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "testdata/golden/mhr"


def tokenizer():
    vocab = {c: i for i, c in enumerate(["<pad>", "</s>", *string.printable[:95], "\n"])}
    t = Tokenizer(models.WordLevel(vocab, unk_token="<pad>"))
    t.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    t.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=t, eos_token="</s>", pad_token="<pad>")


@pytest.fixture(scope="session")
def llama(tmp_path_factory):
    return saved(
        LlamaForCausalLM(
            LlamaConfig(
                vocab_size=98, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2
            )
        ),
        tmp_path_factory.mktemp("llama"),
    )


@pytest.fixture(scope="session")
def t5(tmp_path_factory):
    config = T5Config(
        vocab_size=98,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        decoder_start_token_id=0,
    )
    return saved(T5ForConditionalGeneration(config), tmp_path_factory.mktemp("t5"))


def saved(model, folder):
    torch.manual_seed(1)
    for p in model.parameters():
        if p.dim() > 1:
            torch.nn.init.normal_(p, std=0.1)
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def tasks(tmp_path):
    return write_tasks(tmp_path / "tasks")


def write_tasks(folder):
    """Six tasks in three categories, two of them templates of one data set; one may not be shipped."""
    rng = random.Random(0)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 9))) for _ in range(60)]
    made = {
        "upper": ("case", {}, str.upper),
        "title": ("case", {}, str.title),
        "first": ("letters", {"instruction": "Give the first letter"}, lambda w: w[0]),
        "last": ("letters", {}, lambda w: w[-1]),
        "p3_len_a": ("p3/len", {"labels": ["long", "short"]}, lambda w: "long" if len(w) > 5 else "short"),
        "p3_len_b": ("p3/len", {"ship": False}, lambda w: "yes" if len(w) > 5 else "no"),
    }
    (folder / "train").mkdir(parents=True)
    (folder / "heldout").mkdir()
    entries = []
    for name, (category, more, f) in made.items():
        entries.append({"name": name, "split": "train", "category": category, "ship": True, "licence": "MIT", "source": "made here"} | more)
        write_rows(
            folder / "train" / f"{name}.jsonl", [{"input": f"{name[-1]} {w}" if category == "p3/len" else w, "output": f(w)} for w in words]
        )
    entries.append({"name": "double", "split": "heldout", "category": "case", "licence": "MIT"})
    write_rows(folder / "heldout" / "double.jsonl", [{"input": w, "output": w + w} for w in words])
    (folder / "manifest.json").write_text(json.dumps(entries))
    return folder


def write_rows(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))


def command(*args, launch=()):
    start = [sys.executable, *(["-m", "accelerate.commands.launch", *launch] if launch else []), "-m", "pretrain"]
    return [*start, *map(str, args)]


def pretrain(*args, launch=(), status=0):
    p = subprocess.run(command(*args, launch=launch), cwd=ROOT, capture_output=True, text=True)
    assert p.returncode == status, p.stderr
    return p


def small(base, tasks, out, **flags):
    """Flags of a short run, as arguments."""
    flags = {
        "steps": 6,
        "groups": 2,
        "group_rows": 3,
        "skills": 4,
        "splits": 4,
        "rank": 2,
        "warmup": 2,
        "precision": "f32",
        "device": "cpu",
        "threads": 1,
        "stats_every": 3,
    } | flags
    flags = {"base": base, "tasks": tasks, "out": out} | flags
    return [a for k, v in flags.items() for a in (f"--{k.replace('_', '-')}", v)]


def lines(out):
    return [json.loads(raw) for raw in (out / "log.jsonl").read_text().splitlines()]
