"""The tasks of the pocket model: rows of (input, output), and which of them are never trained on.

HELD_OUT and DEV were fixed before anything was tuned. Held-out tasks are in no training data, neither of the base nor of
the skills; what they ask for may be in the base as plain sentences (facts). Every choice of a setting was made on DEV.
"""

import random
from dataclasses import dataclass

from . import functions
from .tables import KINDS

HELD_OUT = ("verb_s", "adj_most", "country_language", "word_last_two", "list_second", "word_first_upper", "number_minus_one",
            "noun_alive")
DEV = ("verb_to_plain", "country_demonym", "word_first_three", "list_without_last", "word_last_upper", "number_plus_two",
       "noun_made", "word_brackets")

LIVING = ("animal", "person", "plant")
MADE = ("artifact",)
NATURAL = ("animal", "plant", "substance", "body")
CONCRETE = ("animal", "artifact", "body", "food", "person", "plant", "substance")
LABEL_PAIRS = (("true", "false"), ("A", "B"), ("1", "0"), ("good", "bad"), ("left", "right"), ("red", "blue"), ("+", "-"), ("in", "out"),
               ("hot", "cold"), ("x", "o"), ("cats", "dogs"), ("black", "white"), ("accept", "reject"), ("one", "two"), ("top", "bottom"),
               ("keep", "drop"))
PAIRS = (("animal", "plant"), ("person", "artifact"), ("food", "animal"), ("act", "state"), ("feeling", "time"), ("location", "group"),
         ("body", "food"), ("communication", "substance"), ("person", "plant"), ("artifact", "location"))


@dataclass
class Task:
    name: str
    instruction: str
    rows: list[tuple[str, str]]  # distinct inputs, shuffled

    @property
    def labels(self) -> list[str] | None:
        """The distinct outputs where they look like classes (the program's rule: at most 32, two rows each)."""
        seen = sorted({y for _, y in self.rows})
        return seen if 2 <= len(seen) <= 32 and 2 * len(seen) <= len(self.rows) else None

    @property
    def weight(self) -> float:
        """How often it is drawn: facts have to be learned one by one, lists are long, small tasks are soon known."""
        if len(self.rows) < 100:
            return 0.5
        return {"noun": 2, "country": 2, "number": 2, "list": 0.5, "name": 0.7, "date": 0.7}.get(self.name.split("_")[0], 1)


def pseudo_word(rng: random.Random) -> str:
    return "".join(rng.choice("bcdfghjklmnpqrstvwxyz" if (i + odd) % 2 else "aeiou")
                   for odd in [rng.randrange(2)] for i in range(rng.randint(3, 8)))


class Maker:
    """Collects tasks; each has its own random stream, so that adding one changes no other."""

    def __init__(self, tables: dict, rows: int):
        self.t, self.most, self.tasks = tables, rows, {}
        self.words = sorted({r["word"] for kind in ("nouns", "verbs", "adjectives") for r in tables[kind]})
        self.short = [w for w in self.words if len(w) <= 6]

    def add(self, name, instruction, pairs, most=None):
        rng = random.Random(name)
        rows = list({x: (x, y) for x, y in pairs if x and y}.values())
        rng.shuffle(rows)
        self.tasks[name] = Task(name, instruction, rows[: most or self.most])

    def column(self, name, instruction, table, x, y):
        self.add(name, instruction, [(r[x], r[y]) for r in self.t[table] if x in r and y in r])

    def balanced(self, name, instruction, classes: dict[str, list[str]]):
        """A classification with as many rows of each label."""
        rng = random.Random(name)
        n = min(self.most // len(classes), *(len(v) for v in classes.values()))
        self.add(name, instruction, [(w, label) for label, v in classes.items() for w in rng.sample(v, n)])

    def by_function(self, prefix, table, draw, show):
        for short, (instruction, f) in table.items():
            name = f"{prefix}_{short}"
            rng = random.Random(name)
            values = {show(v): v for v in (draw(rng) for _ in range(3 * self.most))}
            pairs = [(x, f(v)) for x, v in values.items()]
            labels = {y for _, y in pairs if y}
            if labels <= {"yes", "no"} or len(labels) == 2:  # balance
                by = {y: [x for x, z in pairs if z == y] for y in sorted(labels)}
                n = min(map(len, by.values()))
                pairs = [(x, y) for y, v in by.items() for x in v[:n]]
            self.add(name, instruction, pairs)

    def any_word(self, rng):
        return pseudo_word(rng) if rng.random() < 0.4 else rng.choice(self.words)

    def any_list(self, rng):
        return [pseudo_word(rng) if rng.random() < 0.2 else rng.choice(self.short) for _ in range(rng.randint(2, 4))]

    def all(self) -> dict[str, Task]:
        self.by_function("word", functions.STRING, self.any_word, str)
        self.by_function("list", functions.LIST, self.any_list, ", ".join)
        self.by_function("number", functions.NUMBER, lambda rng: rng.randrange(rng.choice((100, 200))), str)
        self.by_function("name", functions.NAME, lambda rng: tuple(pseudo_word(rng).capitalize() for _ in range(2)), " ".join)
        self.by_function("date", functions.DATE, lambda rng: (rng.randint(1920, 2039), rng.randint(1, 12), rng.randint(1, 28)),
                         lambda d: "{}-{:02}-{:02}".format(*d))
        self.forms()
        self.kinds()
        self.countries()
        self.small()
        self.relabelled()
        return self.tasks

    def forms(self):
        self.column("noun_plural", "Plural.", "nouns", "word", "plural")
        self.column("noun_singular", "Singular.", "nouns", "plural", "word")
        self.add("noun_article", "Add a or an.", [(r["word"], f"{'an' if r['word'][0] in 'aeiou' else 'a'} {r['word']}") for r in self.t["nouns"]])
        self.add("noun_many", "Many of them.", [(r["word"], "many " + r["plural"]) for r in self.t["nouns"]])
        self.column("verb_past", "Past tense.", "verbs", "word", "past")
        self.column("verb_ing", "Present participle.", "verbs", "word", "ing")
        self.column("verb_s", "Third person.", "verbs", "word", "s")
        self.column("verb_participle", "Past participle.", "verbs", "word", "participle")
        self.column("verb_past_to_ing", "From past to present participle.", "verbs", "past", "ing")
        self.column("verb_from_past", "Plain form of the past tense.", "verbs", "past", "word")
        self.column("verb_to_plain", "Plain form of the participle.", "verbs", "ing", "word")
        self.add("verb_future", "Future.", [(r["word"], "will " + r["word"]) for r in self.t["verbs"]])
        self.add("verb_now", "Say what they are doing.", [(r["word"], "are " + r["ing"]) for r in self.t["verbs"]])
        self.column("adj_more", "Comparative.", "adjectives", "word", "more")
        self.column("adj_most", "Superlative.", "adjectives", "word", "most")
        self.column("adj_from_more", "Plain form of the comparative.", "adjectives", "more", "word")
        self.column("adj_opposite", "Opposite.", "adjectives", "word", "opposite")

    def kinds(self):
        of = {k: [r["word"] for r in self.t["nouns"] if r["kind"] == k] for k in KINDS.values()}
        among = lambda kinds: [w for k in kinds for w in of[k]]
        rest = lambda kinds: among(k for k in of if k not in kinds)
        self.add("noun_kind", "Kind of thing.", [(w, k) for k, v in of.items() for w in v], 10**6)
        for k in ("animal", "person", "food", "plant", "artifact", "body"):
            self.balanced(f"noun_is_{k}", f"Is it a kind of {k}?", {"yes": of[k], "no": rest((k,))})
        for a, b in PAIRS:
            self.balanced(f"noun_{a}_or_{b}", f"{a} or {b}?", {a: of[a], b: of[b]})
        self.balanced("noun_abstract", "Abstract or concrete?", {"concrete": among(CONCRETE), "abstract": rest(CONCRETE)})
        self.balanced("noun_human", "Human or not?", {"human": of["person"], "other": rest(("person",))})
        self.balanced("noun_alive", "Is it alive?", {"alive": among(LIVING), "lifeless": rest(LIVING)})
        self.balanced("noun_made", "Made or natural?", {"made": among(MADE), "natural": among(NATURAL)})
        pos = {p: [r["word"] for r in self.t[t]] for p, t in (("noun", "nouns"), ("verb", "verbs"), ("adjective", "adjectives"))}
        self.balanced("word_class", "Part of speech.", pos)
        self.balanced("word_is_verb", "Is it a verb?", {"yes": pos["verb"], "no": pos["noun"] + pos["adjective"]})
        self.balanced("word_thing_or_quality", "Thing or quality?", {"thing": pos["noun"], "quality": pos["adjective"]})

    def countries(self):
        for key, instruction in (("capital", "Capital."), ("language", "Language."), ("currency", "Currency."), ("continent", "Continent."),
                                 ("region", "Region."), ("demonym", "People of this country."), ("iso2", "Two-letter code."), ("fr", "In French."),
                                 ("de", "In German."), ("es", "In Spanish.")):
            self.column(f"country_{key}", instruction, "countries", "name", key)
        self.column("capital_country", "Country of this capital.", "countries", "capital", "name")
        self.column("capital_continent", "Continent of this capital.", "countries", "capital", "continent")
        self.column("code_country", "Country of this code.", "countries", "iso2", "name")
        self.column("demonym_country", "Country of these people.", "countries", "demonym", "name")

    def small(self):
        letters = "abcdefghijklmnopqrstuvwxyz"
        both = [(a, b) for s in (letters, letters.upper()) for a, b in zip(s, s[1:])]
        self.add("letter_next", "Next letter.", both)
        self.add("letter_previous", "Previous letter.", [(b, a) for a, b in both])
        cycles = [names for l in self.t["calendar"].values() for names in l.values()]
        turn = [(a, b) for names in cycles for a, b in zip(names, names[1:] + names[:1])]
        self.add("calendar_next", "Next day or month.", turn)
        self.add("calendar_previous", "Day or month before.", [(b, a) for a, b in turn])
        en = self.t["calendar"]["en"]
        for l, language in (("fr", "French"), ("de", "German"), ("es", "Spanish")):
            there = self.t["calendar"][l]
            self.add(f"calendar_{l}", f"Day or month in {language}.", [(a, b) for k in en for a, b in zip(en[k], there[k])])
        self.add("words_number", "Write the number in digits.", [(functions.in_words(n), str(n)) for n in range(100)])

    def relabelled(self):
        """Tasks of two classes again, under other labels: what the labels are called must come from the examples."""
        two = [t for t in self.tasks.values() if len(t.labels or ()) == 2 and t.name not in HELD_OUT + DEV]
        of = {k: [r["name"] for r in self.t["countries"] if r["continent"] == k] for k in ("Africa", "Asia", "Europe", "Americas")}
        for k in of:
            self.balanced(f"country_in_{k.lower()}", f"Is it in {k}?", {"yes": of[k], "no": [n for o in of if o != k for n in of[o]]})
            two.append(self.tasks[f"country_in_{k.lower()}"])
        for i, t in enumerate(two):
            pair = LABEL_PAIRS[i % len(LABEL_PAIRS)]
            new = dict(zip(t.labels, pair if i % 3 else pair[::-1]))
            self.add(f"{t.name}_as_{pair[0]}_{pair[1]}".replace("+", "plus").replace("_-", "_minus"), f"{t.instruction} Say {pair[0]} or {pair[1]}.",
                     [(x, new[y]) for x, y in t.rows])


def build(tables: dict, rows: int = 1200) -> dict[str, Task]:
    return Maker(tables, rows).all()


def article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def facts(tables: dict) -> list[str]:
    """The tables as plain sentences."""
    out = []
    for r in tables["nouns"]:
        w, p, k = r["word"], r["plural"], r["kind"]
        out += [f"The {w} is {article(k)}.", f"One {w}, two {p}."]
    for r in tables["verbs"]:
        out += [f"I {r['word']}. She {r['s']}. They {r['past']}.", f"To {r['word']}: he {r['s']}, he is {r['ing']}, he has {r['participle']}."]
    for r in tables["adjectives"]:
        if "most" in r:
            out += [f"This is {r['word']}, that is {r['more']}, and the last is the {r['most']}."]
        if "opposite" in r:
            out += [f"What is {r['word']} is not {r['opposite']}."]
    say = {"capital": "The capital of {n} is {v}.", "language": "The language of {n} is {v}.", "currency": "The currency of {n} is {v}.",
           "continent": "The continent of {n} is {v}.", "region": "The region of {n} is {v}.", "demonym": "People from {n} are {v}.",
           "iso2": "The short code of {n} is {v}.", "fr": "{n} in French is {v}.", "de": "{n} in German is {v}.",
           "es": "{n} in Spanish is {v}."}
    for r in tables["countries"]:
        out += 2 * [text.format(n=r["name"], v=r[key]) for key, text in say.items() if key in r]
    return out
