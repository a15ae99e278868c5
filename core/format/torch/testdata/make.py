"""Makes files of torch.save, and want.json with what is in them.

    pip install torch==2.15.0 && python make.py

NAME.pt is PyTorch's zip, NAME.old the stream of pickles before it.
"""
import collections
import json

import torch

torch.manual_seed(1)
x = torch.randn(3, 4)
layer = torch.nn.Linear(3, 2)
value = {
    "numbers": [0, 1, -1, 255, 256, 65535, 65536, -(1 << 31), (1 << 31) - 1, 1 << 40, -(1 << 63), (1 << 63) - 1],
    "huge": 1 << 80,
    "floats": (0.5, -1e300),
    "text": "é\n\"'", "none": None, "yes": True, "no": False, "bytes": b"\x00\xff\x80",
    "nested": {"list": [[], {}, ()], 3: "three"},
    "size": x.shape, "dtype": torch.float16, "device": torch.device("cpu"), "set": {1, 2},
    "default": collections.defaultdict(dict, {"a": 1}),
    "state": layer.state_dict(),
    "f32": x, "f16": x.half(), "bf16": x.bfloat16(), "f64": x.double(), "i64": torch.arange(3), "bool": torch.tensor([True]),
    "transposed": x.T, "slice": x[1:, 1:3], "column": x[:, 2], "expanded": x[0, :1].expand(1), "scalar": torch.tensor(2.5), "empty": torch.empty(0, 3),
    "parameter": torch.nn.Parameter(torch.ones(2)),
}
value["again"] = value["nested"]
torch.save(value, "value.pt")
torch.save(value, "value.old", _use_new_zipfile_serialization=False)
torch.save(value, "protocol4.pt", pickle_protocol=4)
torch.save(value, "protocol4.old", pickle_protocol=4, _use_new_zipfile_serialization=False)

tensors = {k: v for k, v in value.items() if isinstance(v, torch.Tensor)} | {f"state.{k}": v for k, v in value["state"].items()}
with open("want.json", "w") as f:
    json.dump({k: {"shape": list(v.shape), "values": v.detach().double().flatten().tolist()} for k, v in tensors.items()}, f)
    f.write("\n")


class Run:
    """What a file must not do."""

    def __reduce__(self):
        return print, ("it runs",)


torch.save({"state_dict": {"w": x}, "hyper_parameters": Run()}, "runs.pt")
torch.save({"state_dict": {"w": x}, "hyper_parameters": Run()}, "runs.old", _use_new_zipfile_serialization=False)
