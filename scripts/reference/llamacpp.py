"""What llama.cpp itself does, through the xllamacpp package: quantising, and
running models with a LoRA."""

import ctypes
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

try:
    import xllamacpp
except ImportError:  # no wheel for this machine
    xllamacpp = None

# What llama.cpp takes instead where rows are no whole blocks of 256.
FALLBACK = {Type.Q4_K: Type.Q5_0, Type.Q5_K: Type.Q5_1, Type.Q6_K: Type.Q8_0}


def quantize(v, kind):
    """A matrix [rows, columns] in a stored type, and the type that it got."""
    if v.shape[1] % gguf.GGML_QUANT_SIZES[kind][0]:
        kind = FALLBACK[kind]
    v = np.ascontiguousarray(v, dtype=np.float32)
    try:
        return gguf.quants.quantize(v, kind), kind
    except NotImplementedError:
        return by_ggml(v, kind), kind


def by_ggml(v, kind):
    """For the types that the gguf package only reads."""
    lib = ctypes.CDLL(next(pathlib.Path(xllamacpp.__file__).parent.glob("*.so")))
    run = lib.ggml_quantize_chunk
    run.restype = ctypes.c_size_t
    run.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p]
    elems, size = gguf.GGML_QUANT_SIZES[kind]
    out = np.zeros((len(v), v.shape[1] // elems * size), np.uint8)
    if run(int(kind), v.ctypes.data, out.ctypes.data, 0, len(v), v.shape[1], None) != out.size:
        raise AssertionError(f"ggml quantised {kind.name} to another size")
    return out


def q4_k_m(name, layer, layers):
    """The type that a matrix has in llama.cpp's Q4_K_M."""
    more = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
    if name.startswith(("token_embd", "output.")) or more and ("attn_v" in name or "ffn_down" in name):
        return Type.Q6_K
    return Type.Q4_K


def requantize(source, target, pick=q4_k_m):
    """Writes a GGUF model again, each matrix in the type that pick gives it."""
    r = gguf.GGUFReader(source)
    arch = r.fields["general.architecture"].contents()
    w = gguf.GGUFWriter(target, arch)
    for f in r.fields.values():
        if not f.name.startswith("GGUF.") and f.name != "general.architecture":
            w.add_key_value(f.name, f.contents(), f.types[0], f.types[-1] if len(f.types) > 1 else None)
    layers = r.fields[f"{arch}.block_count"].contents()
    for t in r.tensors:
        v = gguf.quants.dequantize(t.data, t.tensor_type).reshape(t.shape[::-1])
        if v.ndim == 1:
            w.add_tensor(t.name, v)
            continue
        layer = int(t.name.split(".")[1]) if t.name.startswith("blk.") else 0
        stored, kind = quantize(v, pick(t.name, layer, layers))
        w.add_tensor(t.name, stored, raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def likeliest(model, ids, lora=None, n=10):
    """The n likeliest next tokens after ids, with the logarithms of their
    probabilities, as llama.cpp's server gives them."""
    p = xllamacpp.CommonParams()
    p.model.path, p.n_ctx, p.n_parallel, p.warmup, p.verbosity = str(model), 256, 1, False, 0
    p.cache_type_k = p.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    p.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    if lora:
        p.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(lora), 1.0)]
    answer = xllamacpp.Server(p).handle_completions({"prompt": ids, "max_tokens": 1, "temperature": 0, "logprobs": n})
    return {t["id"]: t["logprob"] for t in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]}


class Params(ctypes.Structure):
    """llama.cpp's parameters, whatever they are: room for them, and what it fills in."""
    _fields_ = [("room", ctypes.c_uint64 * 64)]


class Batch(ctypes.Structure):
    _fields_ = [("n_tokens", ctypes.c_int32)] + [(name, ctypes.c_void_p) for name in ("token", "embd", "pos", "n_seq_id", "seq_id", "logits")]


def answered(model, source, said, vocab, lora=None):
    """The logits of what an encoder-decoder says next, having read source and
    said said. The server takes no such model, so this is llama.h."""
    lib = ctypes.CDLL(next(pathlib.Path(xllamacpp.__file__).parent.glob("*.so")))

    def call(name, result, *args):
        kinds = {bytes: ctypes.c_char_p, Batch: Batch, Params: Params}
        f = getattr(lib, name)
        f.restype, f.argtypes = result, [ctypes.c_int32 if type(a) is int and abs(a) < 1 << 20 else kinds.get(type(a), ctypes.c_void_p) for a in args]
        out = f(*args)
        if result is ctypes.c_void_p and not out or result is ctypes.c_int32 and out:
            raise AssertionError(f"{name} gave {out}")
        return out

    def run(name, ids):
        ids = np.array(ids, np.int32)
        call(name, ctypes.c_int32, context, call("llama_batch_get_one", Batch, ids.ctypes.data, len(ids)))

    m = call("llama_model_load_from_file", ctypes.c_void_p, str(model).encode(), call("llama_model_default_params", Params))
    context = call("llama_init_from_model", ctypes.c_void_p, m, call("llama_context_default_params", Params))
    if lora:
        adapter = call("llama_adapter_lora_init", ctypes.c_void_p, m, str(lora).encode())
        adapters, scales = (ctypes.c_void_p * 1)(adapter), (ctypes.c_float * 1)(1)
        call("llama_set_adapters_lora", ctypes.c_int32, context, ctypes.addressof(adapters), 1, ctypes.addressof(scales))
    run("llama_encode", source)
    run("llama_decode", said)
    logits = ctypes.cast(call("llama_get_logits_ith", ctypes.c_void_p, context, -1), ctypes.POINTER(ctypes.c_float))
    out = np.ctypeslib.as_array(logits, (vocab,)).copy()
    call("llama_free", None, context)
    call("llama_model_free", None, m)
    return out
