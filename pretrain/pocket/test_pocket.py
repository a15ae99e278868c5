"""The pocket model's data: what is never trained on stays out, and the byte tokenizer is HF's."""

import pytest
from tokenizers import Tokenizer

from pretrain.pocket import folder, functions, tasks, tokenizer

TABLES = {
    "nouns": [{"word": w, "plural": w + "s", "kind": k} for k in tasks.KINDS.values() for w in (f"{k[:4]}one", f"{k[:4]}two")],
    "verbs": [{"word": "walk", "past": "walked", "participle": "walked", "ing": "walking", "s": "walks"},
              {"word": "sing", "past": "sang", "participle": "sung", "ing": "singing", "s": "sings"}],
    "adjectives": [{"word": "big", "more": "bigger", "most": "biggest", "opposite": "small"}, {"word": "new"}],
    "countries": [{"name": n, "capital": n[:3], "continent": c, "language": n + "ish", "demonym": n + "er"}
                  for c in ("Africa", "Asia", "Europe", "Americas") for n in (c[:2] + "land", c[:2] + "ia")],
    "calendar": {l: {"days": ["Mo", "Tu"], "months": ["Ja", "Fe"]} for l in ("en", "fr", "de", "es")},
}


@pytest.fixture(scope="module")
def made():
    return tasks.build(TABLES, rows=40)


def test_held_out_tasks_exist_and_stay_out(made):
    out = {*tasks.HELD_OUT, *tasks.DEV}
    assert len(out) == 16 and out <= set(made)
    train = folder.training(made)
    assert not out & {t.name for t in train}
    assert not {r for t in train for r in t.rows} & {r for n in out for r in made[n].rows}
    assert not any(n.split("_as_")[0] in out for n in made if "_as_" in n)  # nor under other labels


def test_tasks_do_not_depend_on_each_other(made):
    assert tasks.build(TABLES, rows=40)["word_upper"].rows == made["word_upper"].rows
    inputs = [x for x, _ in made["word_reverse"].rows]
    assert len(inputs) == len(set(inputs))


def test_rules():
    assert functions.STRING["no_vowels"][1]("banana") == "bnn"
    assert [functions.ordinal(n) for n in (1, 2, 3, 11, 12, 13, 21, 112)] == ["1st", "2nd", "3rd", "11th", "12th", "13th", "21st", "112th"]
    assert [functions.roman(n) for n in (4, 19, 90)] == ["IV", "XIX", "XC"]
    assert functions.in_words(47) == "forty-seven"


def test_two_classes_are_balanced(made):
    for t in made.values():
        if len(t.labels or ()) == 2:
            ys = [y for _, y in t.rows]
            assert min(map(ys.count, t.labels)) >= 0.3 * len(ys), t.name


def test_encode_is_the_tokenizer(made):
    tok = Tokenizer.from_str(tokenizer.tokenizer_json())
    assert tok.get_vocab_size() == tokenizer.SIZE
    texts = [f"{t.instruction}\nInput: {x}\nOptions: a; b\nOutput: {y}" for t in made.values() for x, y in t.rows[:3]]
    for s in [*texts, "naïve café\n\n  Input Output: 日本 \t🙂"]:
        ids = tok.encode(s, add_special_tokens=False).ids
        assert ids == tokenizer.encode(s)
        assert tok.decode(ids) == s
