"""Trains the base: a plain language model on rows of all training tasks and on facts."""

import random

import torch
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from .tokenizer import SIZE, encode

NO_LABEL = -100
END_ID = 0
CONTEXT = 512
ROPE_THETA = 10000.0
TOKENS = 4096  # of a step
LR = 5e-3


def config() -> LlamaConfig:
    return LlamaConfig(vocab_size=SIZE, hidden_size=128, intermediate_size=320, num_hidden_layers=4, num_attention_heads=4,
                       num_key_value_heads=4, max_position_embeddings=CONTEXT, rope_theta=ROPE_THETA, rms_norm_eps=1e-5, tie_word_embeddings=True,
                       bos_token_id=None, eos_token_id=END_ID, pad_token_id=END_ID, attention_bias=False)


def prompt(x: str, instruction: str = "") -> str:
    return (instruction + "\n" if instruction else "") + f"Input: {x}\nOutput:"


def row(x: str, y: str, instruction: str = "") -> tuple[list[int], list[int]]:
    """ids and labels; the prompt carries no loss."""
    p, a = encode(prompt(x, instruction)), encode(" " + y)
    return p + a + [END_ID], [NO_LABEL] * len(p) + a + [END_ID]


class Documents:
    """Draws training texts: facts, rows as they will be asked, rows under their instruction, and a few rows of one task in a row."""

    def __init__(self, tasks, facts, rng: random.Random):
        self.rng, self.facts = rng, facts
        self.tasks = list(tasks)
        self.weights = [t.weight for t in self.tasks]

    def draw(self) -> tuple[list[int], list[int]]:
        rng = self.rng
        kind = rng.random()
        if kind < 0.12:
            ids = encode(rng.choice(self.facts)) + [END_ID]
            return ids, ids
        task = rng.choices(self.tasks, self.weights)[0]
        if kind < 0.5:
            return row(*rng.choice(task.rows))
        if kind < 0.98:
            return row(*rng.choice(task.rows), task.instruction)
        ids, labels = [], []
        for i in range(rng.randint(2, 5)):
            x, y = rng.choice(task.rows)
            p, a = encode(("\n\n" if i else "") + prompt(x)), encode(" " + y)
            if len(ids) + len(p) + len(a) > 120:
                break
            ids, labels = ids + p + a, labels + [NO_LABEL] * len(p) + a
        return ids + [END_ID], labels + [END_ID]

    def batches(self, tokens: int, pool: int = 2048):
        """Batches of about so many tokens, texts of like length together."""
        while True:
            docs = sorted((self.draw() for _ in range(pool)), key=lambda d: len(d[0]))
            out, batch = [], []
            for d in docs:
                if batch and len(d[0]) * (len(batch) + 1) > tokens:
                    out.append(batch)
                    batch = []
                batch.append(d)
            out.append(batch)
            self.rng.shuffle(out)
            yield from out


def pad(rows):
    """ids and labels [rows, longest]; the pad is behind, so causal attention needs no mask."""
    n = max(len(r[0]) for r in rows)
    ids = torch.tensor([r[0] + [END_ID] * (n - len(r[0])) for r in rows])
    labels = torch.tensor([r[1] + [NO_LABEL] * (n - len(r[1])) for r in rows])
    return ids, labels


def loss_of(model, ids, labels):
    """Mean over the labels, of which the first has nothing before it."""
    h = model.model(input_ids=ids).last_hidden_state[:, :-1]
    want = labels[:, 1:]
    keep = want != NO_LABEL  # the head only where a label is
    return F.cross_entropy(model.lm_head(h[keep]), want[keep])


def train(tasks, facts, steps: int, seed: int, report=print) -> LlamaForCausalLM:
    """Muon on the layers' matrices, AdamW on the rest; warm-up, then flat, then linear decay over the last 60 % of the steps."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(config())
    layers = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if not (p.ndim == 2 and "embed" not in n)]
    optimizers = [torch.optim.Muon(layers, lr=LR, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
                  torch.optim.AdamW(rest, lr=LR, betas=(0.9, 0.98), weight_decay=0.0)]
    stream = Documents(tasks, facts, random.Random(seed)).batches(TOKENS)
    mean = None
    for step in range(steps):
        for group in (g for o in optimizers for g in o.param_groups):
            group["lr"] = LR * min(1, (step + 1) / 50, (steps - step) / (0.6 * steps))
        loss = loss_of(model, *pad(next(stream)))
        loss.backward()
        for o in optimizers:
            o.step()
            o.zero_grad()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            report(f"base: step {step + 1} of {steps}, loss {mean:.3f}")
    return model.eval()


@torch.no_grad()
def exact(model, pairs, instruction="") -> float:
    """The share of rows whose greedy answer is right, read from one forward pass."""
    right = 0
    for at in range(0, len(pairs), 128):
        rows = [row(x, y, instruction) for x, y in pairs[at : at + 128]]
        ids, labels = pad(rows)
        best = model(input_ids=ids).logits[:, :-1].argmax(-1)
        want = labels[:, 1:]
        right += ((best == want) | (want == NO_LABEL)).all(1).sum().item()
    return right / len(pairs)
