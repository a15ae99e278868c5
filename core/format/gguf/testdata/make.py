"""Makes kinds.gguf and kinds.json with the Python library.

    pip install gguf==0.19.0 numpy && python make.py

kinds.gguf holds a metadata value of every type and a 2 x 64 matrix in every
tensor type that Handful reads (and one that it does not); kinds.json what the
library reads back from them.
"""
import json
import numpy as np
from gguf import GGMLQuantizationType as T, GGUFReader, GGUFValueType as V, GGUFWriter
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
kinds = [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0]
for k in kinds:
    w.add_tensor("t." + k.name, x if k == T.F32 else quantize(x, k), raw_dtype=None if k == T.F32 else k)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()

r = GGUFReader("kinds.gguf")
out = {t.name: dequantize(t.data, t.tensor_type).reshape(2, 64).astype(float).ravel().tolist() for t in r.tensors if t.name != "t.Q5_0"}
with open("kinds.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
