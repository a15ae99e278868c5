"""Makes the golden files of this folder: strings, and what HF tokenizers makes of them.

    python make.py SmolLM2-135M-Instruct.Q4_1.gguf

Needs pip packages tokenizers==0.23.3 and gguf. The strings and the small
tokenizers are the same in every run.
"""
import gzip, json, random, sys, unicodedata
import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers as pre, trainers

R = random.Random(20261124)
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"

# ---------------------------------------------------------------- strings

PHRASES = """The weather is lovely today, isn't it?
I'll meet you at 12:45, they're late and we've gone; she'd know, I'm sure. That's it.
I'LL DON'T SHE'D WE'VE YOU'RE IT'S I'M — 'tis 'twas rock'n'roll
Please summarise the following e-mail in one sentence.
Guten Morgen, wie geht es Ihnen? Straße, Äpfel, Übermut, GROẞ
Où est la bibliothèque ? L’été dernier, à Noël, ça va. œuvre
¿Dónde está el baño? ¡Qué día más bonito! señor, pingüino
Bom dia, você pode me ajudar? Não, obrigação, coração
Buongiorno, perché no? Così è la vita, più o meno
Dzień dobry, gdzie jest łódź? Zażółć gęślą jaźń
Příliš žluťoučký kůň úpěl ďábelské ódy
Günaydın, İstanbul'da ışık çok güzel; ığdır
Xin chào, hôm nay trời đẹp quá! Tiếng Việt có dấu
Доброе утро, как дела? Съешь ещё этих мягких булок
Добрий день, їжак і ґанок; це Україна
Καλημέρα, τι κάνεις; Ξεσκεπάζω την ψυχοφθόρα
שלום עולם, מה שלומך? בֹּקֶר טוֹב
صباح الخير، كيف حالك؟ العَرَبِيَّة لغة جميلة ١٢٣
سلام، حال شما چطور است؟ ۴۵۶ می‌خواهم
नमस्ते, आप कैसे हैं? क्षेत्रफल हिन्दी १२३
সুপ্রভাত, আপনি কেমন আছেন? বাংলা ১২৩
வணக்கம், எப்படி இருக்கிறீர்கள்? தமிழ்
ಶುಭೋದಯ ನೀವು ಹೇಗಿದ್ದೀರಿ ಕನ್ನಡ
สวัสดีครับ วันนี้อากาศดีมาก ๑๒๓
ຂໍ້ຄວາມ ພາສາລາວ
မင်္ဂလာပါ နေကောင်းလား
ជំរាបសួរ អក្សរខ្មែរ
おはようございます。今日はいい天気ですね。カタカナ ﾊﾝｶｸ
早上好，你今天怎么样？我们去北京大学。
早安，今天天氣很好，我們去臺北一○一。
안녕하세요, 오늘 날씨가 좋네요. ㅋㅋㅋ 가각
გამარჯობა, როგორ ხარ? ქართული
Բարև Ձեզ, ինչպե՞ս եք
ሰላም፣ እንዴት ነህ? ፩፪፫
ᎣᏏᏲ ᏣᎳᎩ ᐃᓄᒃᑎᑐᑦ
𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝐛𝐨𝐥𝐝 𝟙𝟚𝟛 ᴀʙᴄ ｆｕｌｌｗｉｄｔｈ １２３
x² + y³ = ½ · √z ≠ ∞, ∑∫∂ ⅷ Ⅻ ①②③ ㈠ ㊿ 〇
€100, £20, ¥3000, ₹5, ₿0.01, 50 %, 3° C, №7, ™ ® ©
“quoted” ‘single’ «guillemets» „low“ – — … • · ¶ §
👋🌍 😀😃😄 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ 🧑🏿‍🚀 1️⃣ #️⃣
def f(x: int) -> int:\\n    return x ** 2  # square\\n
for (int i = 0; i < n; ++i) {\\n\\tsum += a[i] & 0xFF;\\n}
SELECT id, name FROM users WHERE age >= 18 AND name LIKE '%o''b%';
<div class="row" id='x'>&nbsp;<!-- note --></div>
{"input": "a\\\\tb", "output": [1, 2.5e-3, null], "ok": true}
https://example.org/a/b?c=d&e=%20f#frag user.name+tag@mail.example.com
git commit -m "fix: don't panic" && make -j8 2>&1 | tee log.txt
C:\\\\Users\\\\me\\\\file.txt ~/src/../x.go $HOME ${VAR:-default}
fn main() { println!("{:?}", vec![1u8; 4]); } // ünïcode
Input: click open: open with a clicking sound\\nOptions: contact; social\\nOutput:
3.14159 1,234,567.89 0x1F600 1e-10 007 2026-11-24T10:00:00Z 12345678901234567890
camelCaseString snake_case_string SCREAMING_CASE kebab-case x1y2z3
aaaa aaaaaaaaaaaaaaaaaaaa ababababab zzzzzz hahahaha nooooooo!!!!!! ??? ...
e\u0301 o\u0308 A\u030a n\u0303 \u1e9b\u0323 \u0344 \uac00\u11a8 \u0958 \u2126 \u212b \ufb01
'ſ 'ſx 'K K'S s'S 'LL'd 'rE 'Ve ''s '' ' 's's 't\u0301""".split("\n")
PHRASES = [p.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\") for p in PHRASES]
SPACES = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n", "\n ", "  \n  ", "\u00a0", "\u2003", "\u3000", "\u2028",
          "\u0085", "\x0b", "\x0c", "\x1c", "\u200b", "\u202f", "\u1680", "\u180e", "\ufeff", "        ", "\t\t", "\r", "\r\r\n"]
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_", "|im_end|>", "<|im_end|>>", "<<|im_end|>", "<repo_name>",
           "<file_sep>", "[MASK]", "[SEP]", "<user>", "<word>", "<both>", "Ünï", "\uff21dd", "Add", "<|x|><|xy|>", "<|x|>y|>"]
BLOCKS = [(0, 0x20), (0x20, 0x7f), (0x7f, 0xa0), (0xa0, 0x250), (0x250, 0x370), (0x370, 0x530), (0x590, 0x780), (0x900, 0xe00),
          (0xe00, 0x1100), (0x1100, 0x1200), (0x1200, 0x1800), (0x1800, 0x2000), (0x2000, 0x2070), (0x2070, 0x2c00), (0x2c00, 0x3040),
          (0x3040, 0x3100), (0x3100, 0x4e00), (0x4e00, 0xa000), (0xa000, 0xac00), (0xac00, 0xd7a4), (0xe000, 0xf900), (0xf900, 0xfb00),
          (0xfb00, 0x10000), (0x10000, 0x10400), (0x10400, 0x11000), (0x11000, 0x12000), (0x12000, 0x14400), (0x1d400, 0x1d800),
          (0x1e000, 0x1f000), (0x1f000, 0x1fb00), (0x20000, 0x20100), (0x2ebf0, 0x2ee60), (0xe0000, 0xe0080), (0x10ff00, 0x110000)]


def strings():
    out = ["", " ", "  ", "\n", "\0", "a", "'", "Hello", " Hello", "Hello ", "1", "12", "123", "1234", " 1234", "a1b22c333"]
    out += PHRASES + SPACES + SPECIAL
    word = lambda: R.choice(R.choice(PHRASES).split() or ["x"])
    chars = lambda n: "".join(chr(R.randrange(*b)) for b in [R.choice(BLOCKS)] for _ in range(n))
    while len(out) < 2300:
        k = len(out) % 10
        if k == 0:  # a piece of a phrase
            p = R.choice(PHRASES); i = R.randrange(len(p)); s = p[i:i + R.randint(1, 30)]
        elif k == 1:  # words between odd spaces
            s = "".join(R.choice(SPACES) * R.randint(0, 2) + word() for _ in range(R.randint(1, 6))) + R.choice(SPACES + [""])
        elif k == 2:  # one block
            s = chars(R.randint(1, 12))
        elif k == 3:  # blocks and words
            s = " ".join(R.choice([word(), chars(3)]) for _ in range(R.randint(2, 5)))
        elif k == 4:  # special tokens
            s = "".join(R.choice([R.choice(SPECIAL), R.choice(SPACES), word()]) for _ in range(R.randint(2, 7)))
        elif k == 5:  # numbers and signs
            s = "".join(R.choice("0123456789.,-+%$ abcXYZ'\u0663\u00b2\u2167") for _ in range(R.randint(1, 20)))
        elif k == 6:  # contractions
            s = "".join(R.choice(["'", "s", "S", "ll", "LL", "re", "d", "t", "\u017f", " ", "x", "1", "ve", "m", "\n"]) for _ in range(R.randint(2, 12)))
        elif k == 7:  # emoji and joiners
            s = "".join(R.choice("😀👍❤🏽\u200d\ufe0f🇩🇪👩🚀 a1\n") for _ in range(R.randint(1, 12)))
        elif k == 8:  # code
            s = "".join(R.choice(["\n", "    ", "\t", "(", ")", "{}", ";", "==", "x", "foo_bar", "0xff", "//", '"', "\\n", " "]) for _ in range(R.randint(2, 16)))
        else:  # few letters, many merges
            a = R.choice(["ab", "the ", "aé", "0", " ", "-=", "\n ", "ha", "中"])
            s = "".join(R.choice(a) for _ in range(R.randint(5, 40)))
        out.append("".join(c for c in s if not 0xd800 <= ord(c) < 0xe000))
    out += ["a" * 3000, " " * 1000 + "x", "\n" * 500, "the " * 500, "0" * 700, "中" * 600, "😀" * 300, ("long" * 40 + " ") * 8]
    return out


# ------------------------------------------------------------- tokenizers

def special(*names, **kw):
    return [AddedToken(n, special=True, normalized=False, **kw) for n in names]


def small(pre_tokenizer, normalizer=None, vocab=700, alphabet=True, model=None):
    t = Tokenizer(models.BPE(**(model or {})))
    t.pre_tokenizer, t.decoder = pre_tokenizer, decoders.ByteLevel()
    if normalizer:
        t.normalizer = normalizer
    tr = trainers.BpeTrainer(vocab_size=vocab, show_progress=False, special_tokens=["<unk>"] if model and "unk_token" in model else [],
                             initial_alphabet=pre.ByteLevel.alphabet() if alphabet else [])
    t.train_from_iterator(PHRASES * 3 if alphabet else PHRASES[:12] * 3, tr)  # few phrases: not every byte gets a token
    return t


def trained():
    isolated = lambda p: pre.Split(Regex(p), "isolated")
    level = lambda space=False, regex=False: pre.ByteLevel(add_prefix_space=space, use_regex=regex)
    gpt2 = small(level(space=True, regex=True))
    gpt2.add_tokens([AddedToken("<user>"), AddedToken("<word>", single_word=True), AddedToken("Ünï"), AddedToken("the ", normalized=False)])
    gpt2.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|x|>", "<|xy|>", "<|x|>y|>")
                            + special("[MASK]", lstrip=True) + special("[SEP]", rstrip=True) + special("<both>", lstrip=True, rstrip=True))
    yield "gpt2", gpt2
    qwen = small(pre.Sequence([isolated(QWEN), level()]), normalizers.NFC())
    qwen.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    qwen.add_tokens([AddedToken("\u00c5dd"), AddedToken("<both>", lstrip=True, rstrip=True)])
    yield "qwen2", qwen
    llama = small(pre.Sequence([isolated(LLAMA3), level()]), model={"ignore_merges": True})
    j = json.loads(llama.to_str())
    j["model"]["vocab"]["Ġweather"] = len(j["model"]["vocab"])  # no merge makes it
    llama = Tokenizer.from_str(json.dumps(j))
    llama.add_special_tokens(special("<|im_start|>", "<|im_end|>"))
    yield "llama3", llama
    odd = small(pre.Sequence([pre.Split("=", "merged_with_next"), pre.Split(Regex(r"[,;.]"), "merged_with_previous"), pre.Split(Regex(r"[-_]+"), "removed"),
                              pre.Split(Regex(r"\p{Lu}"), "contiguous", invert=True), isolated(CASED), pre.Digits(individual_digits=False), level()]),
                normalizers.Sequence([normalizers.NFKC(), normalizers.NFD()]), 400, False, {"unk_token": "<unk>", "fuse_unk": True})
    odd.add_tokens([AddedToken("Add", normalized=True)])
    yield "odd", odd
    j = json.loads(small(pre.Sequence([pre.Digits(individual_digits=True), level(regex=True)]), vocab=320, alphabet=False).to_str())
    for b in sorted({b for c in pre.ByteLevel.alphabet() for b in c.encode()}):  # the bytes of the byte table's own characters
        if b != 0xc2:
            j["model"]["vocab"]["<0x%02X>" % b] = len(j["model"]["vocab"])
    j["model"]["byte_fallback"] = True
    yield "fallback", Tokenizer.from_str(json.dumps(j))


def smollm2(path):
    f = gguf.GGUFReader(path).fields
    get = lambda k: f["tokenizer.ggml." + k].contents()
    tokens, types, merges = get("tokens"), get("token_type"), get("merges")
    n = len(tokens) - len(merges)
    assert tokens[n:] == [m.replace(" ", "") for m in merges] and set(types[n:]) == {1}
    put("smollm2.json.gz", [json.dumps({"pre": get("pre"), "bos": get("bos_token_id"), "eos": get("eos_token_id"), "types": types[:n],
                                        "tokens": tokens[:n], "merges": merges}, ensure_ascii=False)])
    t = Tokenizer(models.BPE({k: i for i, k in enumerate(tokens)}, [tuple(m.split(" ")) for m in merges]))
    t.pre_tokenizer = pre.Sequence([pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False, use_regex=True)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(special(*[k for k, y in zip(tokens, types) if y == 3]))
    return t


# ------------------------------------------------------------------ files

def put(name, lines):
    with gzip.GzipFile(name, "wb", 9, mtime=0) as f:
        f.write(("\n".join(lines) + "\n").encode())


def golden(name, t, texts):
    """One line a string: its number in strings, ids, and where they differ plain ids, and what ids decode to with and without special tokens."""
    rows = []
    for i, s in texts:
        t.encode_special_tokens = False
        ids = t.encode(s, add_special_tokens=False).ids
        t.encode_special_tokens = True
        plain = t.encode(s, add_special_tokens=False).ids
        r = {"n": i, "ids": ids}
        if plain != ids:
            r["plain"] = plain
        d, p = t.decode(ids, skip_special_tokens=False), t.decode(ids, skip_special_tokens=True)
        if d != s:
            r["all"] = d
        if p != d:
            r["text"] = p
        rows.append(r)
    top = t.get_vocab_size()
    for _ in range(150):  # ids that nobody would write: broken characters, special tokens between
        ids = [R.randrange(top + 2) if R.random() < .3 else R.randrange(min(300, top)) for _ in range(R.randint(1, 12))]
        rows.append({"n": -1, "ids": ids, "all": t.decode(ids, skip_special_tokens=False), "text": t.decode(ids, skip_special_tokens=True)})
    put(name + ".jsonl.gz", [json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in rows])


def ranges(test):
    out = []
    for c in range(0x110000):
        if 0xd800 <= c < 0xe000 or not test(c):
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def classes():
    """Every code point's class, as HF's pre-tokenizers see it."""
    def of(pattern):
        got = set()
        cps = [c for c in range(0x110000) if not 0xd800 <= c < 0xe000]
        split = pre.Split(Regex(pattern), "removed", invert=True)
        for i in range(0, len(cps), 4096):
            part = cps[i:i + 4096]
            for _, (a, b) in split.pre_tokenize_str("".join(map(chr, part))):
                got.update(part[a:b])
        return ranges(got.__contains__)
    digit = pre.Digits(individual_digits=True)
    return {"letter": of(r"\p{L}"), "number": of(r"\p{N}"), "space": of(r"\s"),
            "digit": ranges(lambda c: len(digit.pre_tokenize_str("a" + chr(c) + "a")) == 3)}


if __name__ == "__main__":
    texts = list(enumerate(strings()))
    put("strings.jsonl.gz", [json.dumps(s, ensure_ascii=False) for _, s in texts])
    put("classes.json.gz", [json.dumps(classes(), separators=(",", ":"))])
    golden("smollm2", smollm2(sys.argv[1]), texts)
    for name, t in trained():
        t.save(name + ".tokenizer.json", pretty=False)
        some = texts if name in ("gpt2", "qwen2") else texts[:120] + texts[120::3]
        if name == "odd":  # patterns without a scanner of their own follow Go's Unicode, which is older than HF's
            some = [(i, s) for i, s in some if not any(unicodedata.category(c) == "Cn" for c in s)]
        golden(name, t, some)
