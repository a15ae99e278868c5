"""Makes kinds.gguf and kinds.json with the Python library.

    pip install gguf==0.19.0 numpy && python make.py

kinds.gguf holds a metadata value of every type and a matrix in every tensor
type that Handful reads, 2 x 64 or, of blocks of 256, 2 x 256 (and one in a type
that it does not read); kinds.json what the library reads back from them. The
library quantises to some types only: matrices of the others are random blocks
whose scales are set.
"""
import json
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T, GGUFReader, GGUFValueType as V, GGUFWriter
from gguf.quants import dequantize, quantize

w = GGUFWriter("kinds.gguf", "test", use_temp_file=False)
for name, v, t in [("u8", 200, V.UINT8), ("i8", -100, V.INT8), ("u16", 60000, V.UINT16), ("i16", -30000, V.INT16), ("u32", 4000000000, V.UINT32),
                   ("i32", -2000000000, V.INT32), ("f32", 1.5, V.FLOAT32), ("bool", True, V.BOOL), ("string", "é\n", V.STRING),
                   ("u64", 1 << 60, V.UINT64), ("i64", -(1 << 60), V.INT64), ("f64", 0.1, V.FLOAT64)]:
    w.add_key_value("v." + name, v, t)
w.add_array("a.strings", ["a", "", "Ġé"])
w.add_array("a.ints", [-1, 0, 1 << 20])
w.add_array("a.floats", [0.5, -2.0])
w.add_array("a.bools", [True, False])
w.add_array("a.bytes", b"\x01\xff")

x = np.random.default_rng(7).normal(size=(2, 64)).astype(np.float32)
x[0, :3] = [0, -3.5, 1e-5]
for k in [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1]:
    w.add_tensor("t." + k.name, x if k == T.F32 else quantize(x, k), raw_dtype=None if k == T.F32 else k)

# By type: where a block's f16 scales stand.
SCALES = {T.IQ4_NL: [0], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.Q2_K: [80, 82]}
r = np.random.default_rng(8)
for k, at in SCALES.items():
    elems, size = GGML_QUANT_SIZES[k]
    b = r.integers(0, 256, size=(2, 64 if elems == 32 else 256, size), dtype=np.uint8)[:, : (64 if elems == 32 else 256) // elems]
    for i in at:
        b[:, :, i:i + 2] = r.uniform(-0.5, 0.5, size=b.shape[:2]).astype(np.float16)[..., None].view(np.uint8)
    w.add_tensor("t." + k.name, b.reshape(2, -1), raw_dtype=k)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()

out = {t.name: dequantize(t.data, t.tensor_type).astype(float).ravel().tolist() for t in GGUFReader("kinds.gguf").tensors if t.name != "t.Q2_K"}
with open("kinds.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
