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
    p = pack(prefix, questions)
    nll, best = token_nll(model, route, p, device, precision)
    nll, best, flat, at = nll.tolist(), best.tolist(), [], 0
    for k in p.lengths:
        want, got = p.target[at : at + k], best[at : at + k]
        greedy = got[:-1] == want[:-1] and (got[-1] == want[-1] or got[-1] in ends)
        flat.append(Scored(sum(nll[at : at + k]), k, greedy))
        at += k
    out = iter(flat)
    return [[next(out) for _ in range(1 + len(q.choices))] for q in questions]


@dataclass
class Packed:
    """Questions in one sequence; a token sees what leads to it and nothing else. `before` [labels] is the place of the token that
    predicts each answer's token, in order of questions and answers, and `lengths` how many tokens each answer has."""

    ids: list[int]
    positions: list[int]
    mask: torch.Tensor  # [1, 1, n, n], added to attention's scores
    before: list[int]
    target: list[int]
    lengths: list[int]


def pack(prefix: list[int], questions: list[Question]) -> Packed:
    """The prefix, and for each question its prompt and answers: a tree, written out."""
    ids, positions, segment = list(prefix), list(range(len(prefix))), [0] * len(prefix)
    parent, before, target, lengths = [-1], [], [], []

    def add(tokens, under, at):
        parent.append(under)
        ids.extend(tokens)
        positions.extend(range(at, at + len(tokens)))
        segment.extend([len(parent) - 1] * len(tokens))

    for q in questions:
        start = len(prefix) + len(q.prompt)
        add(q.prompt, 0, len(prefix))
        prompt, last = len(parent) - 1, len(ids) - 1
        for a in [q.answer, *q.choices]:
            before += [last, *range(len(ids), len(ids) + len(a) - 1)]
            target += a
            lengths.append(len(a))
            add(a, prompt, start)
    sees = torch.eye(len(parent), dtype=torch.bool)
    for s, p in enumerate(parent):
        if p >= 0:
            sees[s] |= sees[p]
    n, seg = len(ids), torch.tensor(segment)
    allowed = sees[seg][:, seg] & torch.ones(n, n, dtype=torch.bool).tril()
    mask = torch.zeros(n, n).masked_fill(~allowed, torch.finfo(torch.float32).min)[None, None]
    return Packed(ids, positions, mask, before, target, lengths)


def token_nll(model: MultiTask, route: int | None, p: Packed, device, precision: str) -> tuple[torch.Tensor, torch.Tensor]:
    """NLL of each of the answers' tokens, and the likeliest tokens in their places."""
    model.routing.rows = None if route is None else torch.tensor([route], device=device)
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
        hidden = model.base.base_model(
            input_ids=torch.tensor([p.ids], device=device),
            position_ids=torch.tensor([p.positions], device=device),
            attention_mask=p.mask.to(device),
            use_cache=False,
        ).last_hidden_state[0]
        logits = model.base.get_output_embeddings()(hidden[p.before]).float()
    return F.cross_entropy(logits, torch.tensor(p.target, device=device), reduction="none"), logits.argmax(-1)


def _pairs(model, route, questions, device, precision):
    rows = [(route, Tokens(q.prompt, a)) for q in questions for a in [q.answer, *q.choices]]
    got = iter(Scored(*s) for s in score(model, rows, device, precision))
    return [[next(got) for _ in range(1 + len(q.choices))] for q in questions]


