"""Makes the vectors of this folder with the Python library.

    pip install safetensors==0.8.0 numpy && python make.py

corpus.json: headers, the bytes of data behind them, and what the Python
library says of the file ("" when it opens it). mixed.safetensors: one tensor
of each readable type, and ids, as the library lays them out.
"""
import ctypes, json, struct
from safetensors import TensorSpec, deserialize, serialize

F = '{"dtype":"F32","shape":[%s],"data_offsets":[%s]}'
one = lambda shape="1", off="0,4", dtype="F32": '{"a":' + (F % (shape, off)).replace("F32", dtype) + "}"
two = lambda a, b, an="a", bn="b": '{"%s":%s,"%s":%s}' % (an, F % a, bn, F % b)
big = 1 << 62

cases = [
    ("empty", "{}", 0),
    ("one", one(), 4),
    ("scalar", one("", "0,4"), 4),
    ("zero elements", one("0,4", "0,0"), 0),
    ("zero beside data", two(("0", "0,0"), ("1", "0,4")), 4),
    ("any order", two(("1", "4,8"), ("1", "0,4")), 8),
    ("metadata", '{"__metadata__":{"format":"pt","k":"é\\n"},"a":%s}' % (F % ("1", "0,4")), 4),
    ("white space", ' { "a" : %s }\n  ' % (F % ("1", "0,4")), 4),
    ("escaped name", '{"\\u0061\\"b":%s}' % (F % ("1", "0,4")), 4),
    ("F8", one("4", "0,4", "F8_E5M2"), 4),
    ("F4 in whole bytes", one("4", "0,2", "F4"), 2),
    ("BOOL", one("4", "0,4", "BOOL"), 4),
    ("I64", one("2", "0,16", "I64"), 16),
    ("C64", one("2", "0,16", "C64"), 16),
    ("duplicate tensor", two(("1", "0,4"), ("1", "0,4"), "a", "a"), 4),
    ("duplicate beside", two(("1", "0,4"), ("1", "4,8"), "a", "a"), 8),
    ("duplicate by escape", two(("1", "0,4"), ("1", "4,8"), "a", "\\u0061"), 8),
    ("duplicate key", '{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    ("duplicate metadata", '{"__metadata__":{},"__metadata__":{}}', 0),
    ("duplicate metadata key", '{"__metadata__":{"a":"1","a":"2"}}', 0),
    ("unknown key", '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}', 4),
    ("null metadata", '{"__metadata__":null}', 0),
    ("other case", '{"a":{"Dtype":"F32","Shape":[1],"Data_offsets":[0,4]}}', 4),
    ("metadata of numbers", '{"__metadata__":{"a":1}}', 0),
    ("metadata within", '{"__metadata__":{"a":{"b":"c"}}}', 0),
    ("no dtype", '{"a":{"shape":[1],"data_offsets":[0,4]}}', 4),
    ("no shape", '{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4),
    ("no offsets", '{"a":{"dtype":"F32","shape":[1]}}', 4),
    ("one offset", one("1", "4"), 4),
    ("three offsets", one("1", "0,0,4"), 4),
    ("unknown dtype", one("1", "0,4", "F99"), 4),
    ("F4 in broken bytes", one("3", "0,2", "F4"), 2),
    ("negative dimension", one("-1", "0,4"), 4),
    ("negative offset", one("1", "-4,0"), 4),
    ("falling offsets", one("1", "4,0"), 4),
    ("fraction", one("1.0", "0,4"), 4),
    ("exponent", one("1e0", "0,4"), 4),
    ("leading zero", one("01", "0,4"), 4),
    ("string for a number", one('"1"', "0,4"), 4),
    ("too small", one("1", "0,3"), 3),
    ("too large", one("1", "0,8"), 8),
    ("product overflow", one("%d,8" % big, "0,0"), 0),
    ("product overflow to zero", one("%d,%d,%d" % (1 << 32, 1 << 32, 1), "0,0"), 0),
    ("offset above 2^64", one("1", "0,%d" % (1 << 65)), 4),
    ("past the end", one("1", "0,4"), 3),
    ("trailing bytes", one("1", "0,4"), 5),
    ("data of nothing", "{}", 1),
    ("overlap", two(("1", "0,4"), ("1", "2,6")), 6),
    ("hole", two(("1", "0,4"), ("1", "8,12")), 12),
    ("hole in front", one("1", "4,8"), 8),
    ("array", "[]", 0),
    ("string", '""', 0),
    ("nothing", "", 0),
    ("two objects", "{}{}", 0),
    ("no end", '{"a":' + (F % ("1", "0,4")), 4),
    ("open string", '{"a', 0),
    ("comma at the end", '{"a":%s,}' % (F % ("1", "0,4")), 4),
    ("control character", '{"a\n":%s}' % (F % ("1", "0,4")), 4),
    ("bad escape", '{"\\x":%s}' % (F % ("1", "0,4")), 4),
    ("deep array", one("[" * 3000 + "]" * 3000, "0,4"), 4),
    ("deep object", '{"a":' * 3000 + "1" + "}" * 3000, 0),
    ("null", "null", 0),
    ("tensor of null", '{"a":null}', 0),
    ("NUL after", "{}\0", 0),
]

out = []
for name, header, data in cases:
    h = header.encode()
    try:
        deserialize(struct.pack("<Q", len(h)) + h + bytes(data))
        python = ""
    except Exception as e:
        python = str(e)[:120] or type(e).__name__
    out.append({"name": name, "header": header, "data": data, "python": python})
with open("corpus.json", "w") as f:
    json.dump(out, f, indent=1, ensure_ascii=True)
    f.write("\n")

raw = bytes(range(1, 49))
keep = ctypes.create_string_buffer(raw, len(raw))
spec = lambda dtype, shape, size: TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(keep), data_len=size)
blob = serialize({"z.half": spec("float16", [2, 3], 12), "a.brain": spec("bfloat16", [4], 8), "m.full": spec("float32", [2, 2], 16), "é<&>\"": spec("float32", [], 4),
                  "ids": spec("int32", [3], 12), "none": spec("float32", [0, 5], 0)}, {"format": "pt"})
with open("mixed.safetensors", "wb") as f:
    f.write(bytes(blob))
