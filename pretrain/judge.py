"""Judges answers as `handful eval` does (core/engine/judge.go): labels by their loss per token, written answers by greedy decoding."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from .evaluate import score
from .model import MultiTask
from .prompt import Tokens

PACK = 640  # tokens of questions in one sequence


@dataclass
class Question:
    """A prompt, its right answer and the answers to choose from, as tokens; an answer ends with the end token."""

    prompt: list[int]
    answer: list[int]
    choices: list[list[int]]


@dataclass
class Scored:
    """Summed NLL of an answer's tokens, how many they are, and whether greedy decoding writes it."""

    nll: float
    tokens: int
    greedy: bool

    @property
    def mean(self) -> float:
        return self.nll / self.tokens


@torch.no_grad()
def judge(model: MultiTask, route: int | None, prefix: list[int], questions: list[Question], ends: set[int], device, precision="f32"):
    """For each question the scores of the right answer and of each choice. `ends` are tokens at which decoding stops: the
    end token's place may be taken by any of them. `prefix` stands before every prompt (decoders only)."""
    if model.seq2seq:
        return _pairs(model, route, questions, device, precision)
    out, part, size = [], [], 0
    for q in questions:
        n = len(q.prompt) + sum(map(len, [q.answer, *q.choices]))
        if part and size + n > PACK:
            out += _tree(model, route, prefix, part, ends, device, precision)
            part, size = [], 0
        part.append(q)
        size += n
    return out + (_tree(model, route, prefix, part, ends, device, precision) if part else [])


def _tree(model, route, prefix, questions, ends, device, precision):
    """One sequence: the prefix, and for each question its prompt and answers; a token sees what leads to it and nothing else."""
    ids, place, parent, segment = list(prefix), list(range(len(prefix))), [-1], [0] * len(prefix)
    before = []  # for each answer: (its first token, the token that predicts it, its length)
    for q in questions:
        parent.append(0)
        prompt, at = len(parent) - 1, len(prefix)
        last = len(ids) + len(q.prompt) - 1
        ids += q.prompt
        place += range(at, at + len(q.prompt))
        segment += [prompt] * len(q.prompt)
        for a in [q.answer, *q.choices]:
            parent.append(prompt)
            before.append((len(ids), last, len(a)))
            ids += a
            place += range(at + len(q.prompt), at + len(q.prompt) + len(a))
            segment += [len(parent) - 1] * len(a)
    sees = torch.eye(len(parent), dtype=torch.bool)
    for s, p in enumerate(parent):
        if p >= 0:
            sees[s] |= sees[p]
    n, seg = len(ids), torch.tensor(segment)
    allowed = sees[seg][:, seg] & torch.ones(n, n, dtype=torch.bool).tril()
    mask = torch.zeros(n, n).masked_fill(~allowed, torch.finfo(torch.float32).min)[None, None]
    model.routing.rows = None if route is None else torch.tensor([route], device=device)
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
        hidden = model.base.base_model(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([place], device=device),
            attention_mask=mask.to(device),
            use_cache=False,
        ).last_hidden_state[0]
        from_ = [p for start, last, k in before for p in [last, *range(start, start + k - 1)]]
        target = torch.tensor([t for start, _, k in before for t in ids[start : start + k]], device=device)
        logits = model.base.get_output_embeddings()(hidden[from_]).float()
    nll, best = F.cross_entropy(logits, target, reduction="none").tolist(), logits.argmax(-1).tolist()
    flat, at = [], 0
    for start, _, k in before:
        want, got = ids[start : start + k], best[at : at + k]
        greedy = got[:-1] == want[:-1] and (got[-1] == want[-1] or got[-1] in ends)
        flat.append(Scored(sum(nll[at : at + k]), k, greedy))
        at += k
    out = iter(flat)
    return [[next(out) for _ in range(1 + len(q.choices))] for q in questions]


def _pairs(model, route, questions, device, precision):
    rows = [(route, Tokens(q.prompt, a)) for q in questions for a in [q.answer, *q.choices]]
    got = iter(Scored(*s) for s in score(model, rows, device, precision))
    return [[next(got) for _ in range(1 + len(q.choices))] for q in questions]


