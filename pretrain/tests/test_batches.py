"""Steps are drawn from the seed and the step alone."""

from array import array
from collections import Counter

from pretrain.batches import Group, Sampler, collate, label_count, row_table
from pretrain.config import Config
from pretrain.data import Task
from pretrain.prompt import Encoded, Tokens


def task(name, category, dataset, n, weight=1.0):
    rows = [Tokens(array("i", range(1, 2 + i % 9)), array("i", [-100] * (i % 9) + [7])) for i in range(n)]
    return Encoded(Task(name, category, dataset, "train", None, weight=weight), rows)


TASKS = [task("a1", "x", "a", 30), task("a2", "x", "a", 30), task("b", "x", "b", 30), task("c", "y", "c", 2)]


def sampler(per_step=4, **more):
    return Sampler(TASKS, [0, 0, 1, 2], Config("", "", "", group_rows=3, **more), per_step)


def seen(s, steps):
    return [[(g.task, g.row, [bytes(r.ids) for r in g.rows]) for g in s.step(k)] for k in steps]


def test_any_step_alone_is_the_same():
    whole = seen(sampler(), range(40))
    assert seen(sampler(), [33]) == [whole[33]]
    assert seen(sampler(), range(39, -1, -1)) == whole[::-1]
    assert seen(sampler(seed=14), range(40)) != whole


def test_siblings_count_as_one_and_weights_count():
    n = Counter(g.task for k in range(2000) for g in sampler().step(k))
    share = {t: c / 8000 for t, c in n.items()}
    assert all(abs(share[t] - want) < 0.03 for t, want in {0: 1 / 6, 1: 1 / 6, 2: 1 / 3, 3: 1 / 3}.items())


def test_every_row_is_as_likely():
    s = sampler(window=1)
    n = Counter(id(r) for k in range(3000) for g in s.step(k) if g.task == 2 for r in g.rows)
    mean = sum(n.values()) / 30
    assert len(n) == 30 and all(0.8 * mean < c < 1.2 * mean for c in n.values())


def test_sorting_by_length_pads_less():
    def fill(s):
        steps = [s.step(k) for k in range(80)]
        real = sum(len(r) for st in steps for g in st for r in g.rows)
        return real / sum(len(st) * 3 * max(g.longest for g in st) for st in steps)

    assert fill(sampler(window=8)) > fill(sampler(window=1)) + 0.1


def test_collate():
    a, b = Tokens(array("i", [5, 6, 7]), array("i", [-100, 6, 7])), Tokens(array("i", [8]), array("i", [8]))
    got = collate([Group(0, 4, [a, b])])
    assert {k: v.tolist() for k, v in got.items()} == {
        "input_ids": [[5, 6, 7], [8, 0, 0]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "labels": [[-100, 6, 7], [8, -100, -100]],
        "routes": [4],
    }
    assert label_count([Group(0, 4, [a, b])], seq2seq=False) == 2  # a decoder cannot predict its first token
    assert label_count([Group(0, 4, [a, b])], seq2seq=True) == 3


def test_row_table():
    tasks = [e.task for e in TASKS]
    assert [row_table(tasks, by) for by in ("task", "dataset", "category")] == [[0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 1]]
