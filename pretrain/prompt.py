"""The prompt of shipped inventories, and examples as tokens."""

from array import array
from dataclasses import dataclass, field

from .data import Row, Task, note
from .fault import Fault

TEMPLATE = "[instruction\n]Input: {input}[\nOptions: a; b; c]\nOutput:"
ANSWER = " {output}"
INSTRUCTION_CHARS = 200
IGNORE = -100


def render(row: Row, instruction: str) -> str:
    """TEMPLATE with its fields in place; parts in square brackets vanish with their field."""
    instruction = instruction[:INSTRUCTION_CHARS].strip()
    head = f"{instruction}\n" if instruction else ""
    options = f"\nOptions: {'; '.join(row.options)}" if row.options else ""
    return f"{head}Input: {row.input}{options}\nOutput:"


@dataclass
class Tokens:
    """A row as (input_ids, labels): for a decoder both are prompt and answer, labels -100 over the prompt and not shifted; for T5
    the encoder's ids and the decoder's labels. `told` is the same with the instruction, None where that is too long or there is none."""

    ids: array
    labels: array
    told: "Tokens | None" = None

    def __len__(self):
        return len(self.ids)


@dataclass
class Encoded:
    """A task's rows as tokens: those to train on, and those kept aside."""

    task: Task
    train: list[Tokens] = field(default_factory=list)
    aside: list[Tokens] = field(default_factory=list)


class Encoder:
    """Prompt and answer are encoded apart, without BOS; the answer ends with EOS (T5: the prompt too, as HF's tokenizer does)."""

    def __init__(self, tokenizer, seq2seq: bool):
        self.tokenizer, self.seq2seq = tokenizer, seq2seq

    def __call__(self, rows: list[Row], instruction: str) -> list[Tokens]:
        text = [r for r in rows if r.ids is None]
        if text and self.tokenizer is None:
            raise Fault("base", "has no tokenizer", "add tokenizer.json, or give rows as input_ids and labels")
        prompts = self._encode([render(r, instruction) for r in text])
        answers = self._encode([ANSWER.format(output=r.output) for r in text])
        pairs = iter(zip(prompts, answers))
        return [self._tokens(*next(pairs)) if r.ids is None else Tokens(array("i", r.ids[0]), array("i", r.ids[1])) for r in rows]

    def _encode(self, texts):
        return self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []

    def _tokens(self, prompt, answer):
        end = [self.tokenizer.eos_token_id]
        if self.seq2seq:
            return Tokens(array("i", prompt + end), array("i", answer + end))
        return Tokens(array("i", prompt + answer + end), array("i", [IGNORE] * len(prompt) + answer + end))


def encode_rows(rows: list[Row], instruction: str, encode: Encoder, max_tokens: int) -> list[Tokens]:
    """Rows that fit in max_tokens, each with its told form where that fits too."""
    out = encode(rows, "")
    told = encode(rows, instruction) if instruction.strip() else [None] * len(rows)
    for plain, t in zip(out, told):
        plain.told = t if t is not None and len(t) <= max_tokens and len(t) > len(plain) else None
    return [t for t in out if len(t) <= max_tokens]


def encode_tasks(tasks: list[Task], encode: Encoder, max_tokens: int, aside: float) -> list[Encoded]:
    """Tokens of all tasks; a task without a row to train on is left out with a note."""
    out, long = [], 0
    for t in tasks:
        e = Encoded(t)
        for part, rows in ((e.train, [r for r in t.rows if not r.is_aside(aside)]), (e.aside, [r for r in t.rows if r.is_aside(aside)])):
            part += encode_rows(rows, t.instruction, encode, max_tokens)
        long += len(t.rows) - len(e.train) - len(e.aside)
        if e.train:
            out.append(e)
        else:
            note(f"{t.file}: no row of at most {max_tokens} tokens; the task is left out")
    if long:
        note(f"{long} rows are longer than {max_tokens} tokens and left out")
    if not out:
        raise Fault("tasks", f"no row has at most {max_tokens} tokens", "raise --max-tokens")
    return out
