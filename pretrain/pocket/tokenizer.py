"""The tokenizer: one token a byte, and one for each fixed part of the prompt.

Functions of letters (reverse, last letter, plural) want letters as tokens; at this size a vocabulary of words would
also cost more than the layers that use it. The parts of the prompt are tokens so that a row is short.
"""

import json

END = "<|im_end|>"
PARTS = ("Input:", "\nOutput:", "\nOptions:")
FIRST_BYTE = 1 + len(PARTS)
SIZE = FIRST_BYTE + 256


def byte_letters() -> list[str]:
    """GPT-2's printable stand-in for each byte."""
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in keep else chr(next(spare)) for b in range(256)]


def tokenizer_json() -> str:
    vocab = {END: 0} | {p: i + 1 for i, p in enumerate(PARTS)} | {c: FIRST_BYTE + b for b, c in enumerate(byte_letters())}
    added = [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": c == END}
             for i, c in enumerate((END, *PARTS))]
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": []},
    }, ensure_ascii=False, indent=1)


def encode(text: str) -> list[int]:
    """What the tokenizer of tokenizer_json gives, without loading it: a text of fixed parts and bytes."""
    for i, part in enumerate(PARTS):
        text = text.replace(part, chr(1 + i))
    return [b if b <= len(PARTS) else FIRST_BYTE + b for b in text.encode()]
