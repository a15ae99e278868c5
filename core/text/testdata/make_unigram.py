"""Makes the Unigram part of this folder: small models trained here, and what HF
tokenizers and sentencepiece make of strings.jsonl.gz.

    python make_unigram.py

Needs pip packages tokenizers==0.23.3 and sentencepiece==0.2.3. The strings are
make.py's; run that first.
"""
import base64, gzip, io, json, random, re

import sentencepiece as sp
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers as pre

R = random.Random(20261125)
EXTRA = 5  # sentinels of the small T5
STRINGS = [json.loads(line) for line in gzip.open("strings.jsonl.gz", "rt")]
T5 = ["<extra_id_0>", "<extra_id_4>", "<extra_id_5>", "</s>", "<pad>", "<unk>", "a </s>b", "<extra_id_0> the <extra_id_1>, then  <extra_id_2>.",
      "x<extra_id_3>y", " <extra_id_0> ", "▁", "▁▁a▁b", "a▁ b", "translate English to German: That is good.", "e\u0301e\u0301", "ﬁ\u0301 ﬁx", "\u1100\u1161\u11a8",
      "A\u030a\u0323 \u0958\u093c", "½ kg ㎏ ℡ Ⅷ", "a\u200bb\u200dc\ufeffd", "tab\there\r\nline", "  two  spaces  ", "\u3000wide\u3000", "\x01\x02x\x7f\x8f\x9f", "🤷🏽‍♀️ 👨‍👩‍👧 🇩🇪"]


def put(name, lines):
    with gzip.GzipFile(name, "wb", 9, mtime=0) as f:
        f.write(("\n".join(lines) + "\n").encode())


def train(name, sentences, **kw):
    """A sentencepiece model and its bytes, which are stored."""
    out = io.BytesIO()
    sp.SentencePieceTrainer.train(sentence_iterator=iter(sentences), model_writer=out, model_type="unigram", num_threads=1, minloglevel=2,
                                  pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False, **kw)
    with gzip.GzipFile(name + ".spiece.model.gz", "wb", 9, mtime=0) as f:
        f.write(out.getvalue())
    return sp.SentencePieceProcessor(model_proto=out.getvalue()), out.getvalue()


def charsmap(model):
    """precompiled_charsmap of a model: field 2 of field 3."""
    def fields(b):
        def varint(i):
            n = shift = 0
            while True:
                n |= (b[i] & 127) << shift
                shift += 7
                i += 1
                if b[i - 1] < 128:
                    return n, i
        i = 0
        while i < len(b):
            tag, i = varint(i)
            if tag & 7 == 2:
                n, i = varint(i)
                yield tag >> 3, b[i:i + n]
                i += n
            elif tag & 7 == 5:
                i += 4
            else:
                _, i = varint(i)
    spec = next(v for k, v in fields(model) if k == 3)
    return next(v for k, v in fields(spec) if k == 2)


def special(*names, **kw):
    return [AddedToken(n, special=True, normalized=False, **kw) for n in names]


def unigram(p, normalizer, pre_tokenizer, decoder, extra=EXTRA, fallback=False):
    vocab = [(p.id_to_piece(i), p.get_score(i)) for i in range(p.vocab_size())] + [(f"<extra_id_{i}>", 0.0) for i in reversed(range(extra))]
    t = Tokenizer(models.Unigram(vocab, unk_id=2, byte_fallback=fallback))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer, t.decoder = pre_tokenizer, decoder
    t.add_special_tokens(special("<pad>", "</s>", "<unk>", *[f"<extra_id_{i}>" for i in range(extra)]))
    return t


def unnamed(t):
    """The same with pieces that special tokens cannot be named by: for plain text."""
    j = json.loads(t.to_str())
    names = {a["content"] for a in j["added_tokens"] if a["special"]}
    for i, (piece, score) in enumerate(j["model"]["vocab"]):
        if piece in names:
            j["model"]["vocab"][i] = [chr(0x10f000 + i), score]
    j["added_tokens"] = [a for a in j["added_tokens"] if not a["special"]]
    return Tokenizer.from_str(json.dumps(j))


def golden(name, t, texts):
    plain = unnamed(t)
    rows = []
    for i, s in texts:
        ids = t.encode(s, add_special_tokens=False).ids
        p = plain.encode(s, add_special_tokens=False).ids
        r = {"n": i, "ids": ids, "all": t.decode(ids, skip_special_tokens=False)}
        if p != ids:
            r["plain"] = p
        d = t.decode(ids, skip_special_tokens=True)
        if d != r["all"]:
            r["text"] = d
        rows.append(r)
    for _ in range(150):
        ids = [R.randrange(t.get_vocab_size()) for _ in range(R.randint(1, 12))]
        if t.get_vocab_size() > 300 and any("<0x" in t.id_to_token(k) for k in ids):
            continue  # bytes that make no character are shown differently
        rows.append({"n": -1, "ids": ids, "all": t.decode(ids, skip_special_tokens=False), "text": t.decode(ids, skip_special_tokens=True)})
    put(name + ".jsonl.gz", [json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in rows])
    # the charsmap is the spiece.model's: the test puts it back
    j = json.loads(t.to_str())
    j["post_processor"] = None
    text = json.dumps(j, ensure_ascii=False, separators=(",", ":")).replace(base64.b64encode(MAP).decode(), "CHARSMAP")
    open(name + ".tokenizer.json", "w").write(text)


def spiece(name, p, texts, extra):
    """sentencepiece between sentinels and control symbols, as transformers' T5Tokenizer cut a text."""
    special = {f"<extra_id_{i}>": p.vocab_size() + extra - 1 - i for i in range(extra)} | {p.id_to_piece(i): i for i in range(3)}
    cut = re.compile("(" + "|".join(map(re.escape, special)) + ")")
    rows = []
    for i, s in texts:
        ids = []
        for part in cut.split(s):
            ids += [special[part]] if part in special else p.encode(part)
        rows.append({"n": i, "ids": ids, "plain": p.encode(s)})
    put(name + ".jsonl.gz", [json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in rows])


phrases = [s for s in STRINGS[:120] if 3 < len(s) < 400 and "<" not in s]
t5, raw = train("t5", phrases * 3, vocab_size=900, character_coverage=0.98, normalization_rule_name="nmt_nfkc")
MAP = charsmap(raw)
odd, _ = train("odd", [s.replace("the", " the") for s in phrases] * 2, vocab_size=1100, character_coverage=0.98, byte_fallback=True, normalization_rule_name="identity",
               add_dummy_prefix=False, remove_extra_whitespaces=False, user_defined_symbols=["<word>", "tion", "▁of"], control_symbols=["<ctl>"])
texts = list(enumerate(STRINGS + T5))
put("strings_t5.jsonl.gz", [json.dumps(s, ensure_ascii=False) for s in T5])
spiece("t5_spiece", t5, texts, EXTRA)
spiece("odd_spiece", odd, texts, 0)

space = lambda scheme="always", split=True: dict(replacement="▁", prepend_scheme=scheme, split=split)
golden("t5_words", unigram(t5, normalizers.Precompiled(MAP), pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace(**space())]), decoders.Metaspace(**space())), texts)
converted = normalizers.Sequence([normalizers.Precompiled(MAP), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")])
t = unigram(t5, converted, pre.Metaspace(**space()), decoders.Metaspace(**space()))
t.add_tokens([AddedToken("Ünï"), AddedToken("<word>", single_word=True)])
t.add_special_tokens(special("[MASK]", lstrip=True) + special("[SEP]", rstrip=True))
golden("t5_converted", t, texts)
some = texts[:120] + texts[120:2300:3] + texts[-len(T5):]
# Of a text whose first character a normaliser drops, HF says that it does not begin at the beginning.
begins = [(i, s) for i, s in some if not re.match(r"[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]", s)]
golden("meta_first", unigram(t5, normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace("``", '"'), normalizers.Strip(left=False, right=True)]),
                             pre.Metaspace(**space("first", False)), decoders.Metaspace(**space("first", False))), begins)
# Bytes for what no piece has, but not for all of them.
vocab = [(p, s) for p, s in json.loads(unigram(t5, None, pre.Metaspace(**space()), decoders.Metaspace(**space())).to_str())["model"]["vocab"]]
vocab += [("<0x%02X>" % b, -20.0) for b in range(256) if b != 0xf0]
t = Tokenizer(models.Unigram(vocab, unk_id=2, byte_fallback=True))
t.pre_tokenizer = pre.Metaspace(**space("never"))
t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
t.add_special_tokens(special("<pad>", "</s>", "<unk>"))
golden("meta_bytes", t, some)
