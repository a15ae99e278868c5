"""Golden values for core/eval, from plain Python and none of the Go code:

    python3 scripts/eval_golden.py > core/eval/testdata/golden.json

Rouge-L by a recursive longest common subsequence, balanced accuracy and a
confusion matrix by counting, the sign test by summing binomial terms, the t
test by integrating Student's density numerically.
"""
import json
import math
import random
import unicodedata
from functools import lru_cache


def words(text):
    kept = "".join(c if unicodedata.category(c)[0] in "LM" or unicodedata.category(c) == "Nd" else " " for c in text.lower())
    return kept.split()


def rouge_l(got, want):
    a, b = words(got), words(want)

    @lru_cache(None)
    def lcs(i, j):
        if i == len(a) or j == len(b):
            return 0
        if a[i] == b[j]:
            return 1 + lcs(i + 1, j + 1)
        return max(lcs(i + 1, j), lcs(i, j + 1))

    n = lcs(0, 0)
    if n == 0:
        return 0.0
    precision, recall = n / len(a), n / len(b)
    return 2 * precision * recall / (precision + recall)


def balanced(gold, got):
    classes = sorted(set(gold))
    recall = [sum(p == g for g, p in zip(gold, got) if g == c) / gold.count(c) for c in classes]
    return sum(recall) / len(classes)


def t_test(x):
    n = len(x)
    mean = sum(x) / n
    sd = math.sqrt(sum((v - mean) ** 2 for v in x) / (n - 1))
    t, nu = abs(mean) / (sd / math.sqrt(n)), n - 1
    scale = math.gamma((nu + 1) / 2) / (math.sqrt(nu * math.pi) * math.gamma(nu / 2))
    steps = 200_000  # Simpson's rule over [0, t]
    h = t / steps
    density = lambda u: scale * (1 + u * u / nu) ** (-(nu + 1) / 2)
    area = density(0) + density(t) + sum((4 if i % 2 else 2) * density(i * h) for i in range(1, steps))
    return 1 - 2 * area * h / 3


def sign_test(x):
    plus, minus = sum(v > 0 for v in x), sum(v < 0 for v in x)
    n = plus + minus
    tail = sum(math.comb(n, k) for k in range(min(plus, minus) + 1)) / 2 ** n
    return min(1.0, 2 * tail)


def main():
    rng = random.Random(5)
    vocabulary = ["the", "cat", "sat", "on", "a", "mat", "Über", "straße", "猫", "42", "don't", "e-mail", "हिन्दी"]
    texts = [("The cat sat.", "the cat sat on a mat"), ("", "word"), ("a b c d", "d c b a"), ("Straße 42!", "straße, 42")]
    for _ in range(40):
        pair = [" ".join(rng.choice(vocabulary) + rng.choice(["", "", ",", "."]) for _ in range(rng.randint(1, 12))) for _ in range(2)]
        texts.append(tuple(pair))
    classes = []
    for n, k in [(7, 2), (30, 3), (50, 5)]:
        gold = [min(rng.randrange(k), rng.randrange(k)) for _ in range(n)]
        got = [g if rng.random() < 0.6 else rng.randrange(k) for g in gold]
        matrix = [[sum(g == a and p == b for g, p in zip(gold, got)) for b in range(k)] for a in range(k)]
        classes.append({"gold": gold, "got": got, "classes": k, "balanced": balanced(gold, got), "confusion": matrix})
    tests = []
    for n in [2, 3, 5, 14]:
        x = [round(rng.gauss(0.3, 0.5), 3) for _ in range(n)]
        tests.append({"x": x, "t": t_test(x), "sign": sign_test(x)})
    print(json.dumps({
        "command": "python3 scripts/eval_golden.py > core/eval/testdata/golden.json",
        "rouge": [{"got": a, "want": b, "words": words(a), "f": rouge_l(a, b)} for a, b in texts],
        "classes": classes,
        "tests": tests,
    }, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
