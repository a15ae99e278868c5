"""Makes t5_relu.gguf and t5_gated.gguf: the golden T5s as llama.cpp's converter
would store them, F32 and quantised; t5.tokenizer.json, their tokenizer as HF has
it; and t5.safetensors, what transformers makes of the same weights.

    pip install gguf==0.19.0 safetensors==0.8.0 torch==2.15.0 transformers==5.23.0 tokenizers==0.23.3 sentencepiece==0.2.3 && python make_t5.py

Relative positions end at 128, as they do in llama.cpp. The first file has no
sentinels, only padding behind its pieces; the second has five.
"""
import base64, io, json, os, tempfile

import numpy as np
import sentencepiece as sp
import torch
from gguf import GGMLQuantizationType as Q, GGUFWriter, TokenType, MODEL_ARCH, get_tensor_name_map
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers as pre
from transformers import T5Config, T5ForConditionalGeneration

GOLDEN = "../../../../testdata/golden/mhr/t5_"
EXTRA = 5
TEXT = ["ham and eggs", "the shell of an egg", "meat is ham", "an animal", "half a ham", "the final egg", "tea and milk", "he ate the egg"] * 40


def varint(b, i):
    n = shift = 0
    while True:
        n |= (b[i] & 127) << shift
        shift, i = shift + 7, i + 1
        if b[i - 1] < 128:
            return n, i


def field(b, want):
    """The bytes of a protobuf message's field."""
    i = 0
    while i < len(b):
        tag, i = varint(b, i)
        if tag & 7 == 2:
            n, i = varint(b, i)
            if tag >> 3 == want:
                return b[i:i + n]
            i += n
        elif tag & 7 == 5:
            i += 4
        else:
            _, i = varint(b, i)


with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:  # a map of four rules: ﬁ, ½, tab, wide space
    rules.write("FB01\t66 69\nBD\t31 2F 32\n9\t20\n3000\t20\n")
    rules.flush()
    out = io.BytesIO()
    sp.SentencePieceTrainer.train(sentence_iterator=iter(TEXT), model_writer=out, model_type="unigram", num_threads=1, minloglevel=2, vocab_size=60, pad_id=0, eos_id=1,
                                  unk_id=2, bos_id=-1, hard_vocab_limit=False, normalization_rule_tsv=rules.name)
p = sp.SentencePieceProcessor(model_proto=out.getvalue())
MAP = field(field(out.getvalue(), 3), 2)
assert p.vocab_size() + EXTRA <= 96

vocab = [(p.id_to_piece(i), p.get_score(i)) for i in range(p.vocab_size())] + [(f"<extra_id_{i}>", 0.0) for i in reversed(range(EXTRA))]
t = Tokenizer(models.Unigram(vocab, unk_id=2))
t.normalizer = normalizers.Precompiled(MAP)
space = dict(replacement="▁", prepend_scheme="always", split=True)
t.pre_tokenizer, t.decoder = pre.Sequence([pre.WhitespaceSplit(), pre.Metaspace(**space)]), decoders.Metaspace(**space)
t.add_special_tokens([AddedToken(n, special=True, normalized=False) for n in ["<pad>", "</s>", "<unk>"] + [f"<extra_id_{i}>" for i in range(EXTRA)]])
open("t5.tokenizer.json", "w").write(t.to_str(pretty=True))


def tokens(w, extra):
    text, scores, types = [b"[PAD%d]" % i for i in range(96)], [-10000.0] * 96, [TokenType.UNUSED] * 96
    for i in range(p.vocab_size()):
        text[i], scores[i] = p.id_to_piece(i).encode(), p.get_score(i)
        types[i] = TokenType.UNKNOWN if p.is_unknown(i) else TokenType.CONTROL if p.is_control(i) else TokenType.NORMAL
    for k in range(extra):
        i = p.vocab_size() + extra - 1 - k
        text[i], scores[i], types[i] = b"<extra_id_%d>" % k, -1000.0, TokenType.USER_DEFINED
    w.add_tokenizer_model("t5")
    w.add_tokenizer_pre("default")
    w.add_token_list(text)
    w.add_token_scores(scores)
    w.add_token_types(types)
    w.add_add_space_prefix(True)
    w.add_remove_extra_whitespaces(True)
    w.add_precompiled_charsmap(MAP)
    w.add_eos_token_id(1)
    w.add_unk_token_id(2)
    w.add_pad_token_id(0)
    w.add_add_bos_token(False)
    w.add_add_eos_token(True)


def kind(name, m, quantised):
    """Norms and biases are F32; other matrices of a quantised file are of many types."""
    if not quantised or m.ndim == 1 or "relative" in name:
        return Q.F32
    for part, q in {"shared": Q.Q8_0, "lm_head": Q.F16, ".q.": Q.Q5_1, ".k.": Q.Q4_1, ".v.": Q.Q5_0, ".o.": Q.BF16}.items():
        if part in name:
            return q
    return Q.Q4_0


golden = {}
for name, quantised in {"relu_tied": False, "gated_untied": True}.items():
    short = name.split("_")[0]
    x = load_file(GOLDEN + name + "/model.safetensors")
    c = json.load(open(GOLDEN + name + "/config.json"))
    w = GGUFWriter(f"t5_{short}.gguf", "t5")
    w.add_name("t5-" + short)
    w.add_context_length(512)
    w.add_embedding_length(c["d_model"])
    w.add_feed_forward_length(c["d_ff"])
    w.add_block_count(c["num_layers"])
    w.add_decoder_block_count(c["num_decoder_layers"])
    w.add_head_count(c["num_heads"])
    w.add_key_length(c["d_kv"])
    w.add_value_length(c["d_kv"])
    w.add_layer_norm_eps(c["layer_norm_epsilon"])
    w.add_relative_attn_buckets_count(c["relative_attention_num_buckets"])
    w.add_layer_norm_rms_eps(c["layer_norm_epsilon"])
    w.add_decoder_start_token_id(c["decoder_start_token_id"])
    tokens(w, EXTRA if quantised else 0)
    to = get_tensor_name_map(MODEL_ARCH.T5, c["num_layers"])
    seen = {}
    for n, m in x.items():
        if n in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
            continue
        q = kind(n, m, quantised)
        raw = quantize(m, q)
        seen[n] = torch.from_numpy(np.array(dequantize(raw, q), dtype=np.float32).reshape(m.shape))
        w.add_tensor(to.get_name(n, try_suffixes=(".weight",)), raw, raw_dtype=q)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()

    model = T5ForConditionalGeneration(T5Config.from_dict(c | {"relative_attention_max_distance": 128})).eval()
    shared = torch.nn.Parameter(seen["shared.weight"])  # transformers 5 ties the head of every T5: all four are set by hand
    model.shared.weight = model.encoder.embed_tokens.weight = model.decoder.embed_tokens.weight = shared
    model.lm_head.weight = torch.nn.Parameter(seen.get("lm_head.weight", shared).clone())
    rest = {k: v for k, v in seen.items() if k not in ("shared.weight", "lm_head.weight")}
    _, unexpected = model.load_state_dict(rest, strict=False)
    assert not unexpected and all(torch.equal(model.state_dict()[k], v) for k, v in seen.items())
    g = torch.Generator().manual_seed(7)
    ids, dec = torch.randint(3, 96, (1, 40), generator=g), torch.cat([torch.zeros(1, 1, dtype=torch.long), torch.randint(3, 96, (1, 20), generator=g)], 1)
    with torch.no_grad():
        logits = model(input_ids=ids, decoder_input_ids=dec).logits
    golden |= {short + ".input_ids": ids[0].numpy(), short + ".decoder_input_ids": dec[0].numpy(), short + ".logits": logits[0].numpy()}
save_file(golden, "t5.safetensors")
