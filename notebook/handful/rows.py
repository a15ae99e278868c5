"""What people have their examples in, as the engine's JSON lines."""

import json
import math
import os
import pathlib

from .faults import wrong


def jsonl(data, op="examples"):
    """Gives examples as text: JSONL, or what a person wrote as it is.

    data: text in any form that the engine reads; a path of such a file; a
    DataFrame (pandas, polars); a Dataset of Hugging Face; rows as dicts or as
    (input, output) pairs.
    """
    if isinstance(data, os.PathLike):
        try:
            return pathlib.Path(data).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise wrong(op, f"{data}: {e}", "give a text file: JSONL, JSON, CSV, TSV or `text => label` lines") from e
    if isinstance(data, str):
        return data
    return "\n".join(line(row, i, op) for i, row in enumerate(records(data, op)))


def records(data, op):
    """Rows of whatever holds some."""
    if hasattr(data, "column_names") and isinstance(data.column_names, dict):  # a DatasetDict
        raise wrong(op, f"got a DatasetDict with {', '.join(data.column_names)}, want one of its splits", f'such as data["{next(iter(data.column_names), "train")}"]')
    if hasattr(data, "features") and hasattr(data, "column_names"):  # a Dataset
        names = {c: f.names for c, f in (data.features or {}).items() if getattr(f, "names", None)}
        return [{k: names[k][v] if k in names and isinstance(v, int) and 0 <= v < len(names[k]) else v for k, v in row.items()} for row in data]
    if hasattr(data, "to_dicts"):  # polars
        return data.to_dicts()
    if hasattr(data, "columns") and hasattr(data, "to_dict"):  # pandas
        return data.to_dict("records")
    if isinstance(data, dict) or not hasattr(data, "__iter__"):
        raise wrong(op, f"got {type(data).__name__}, want a DataFrame, a Dataset, or rows", "such as [(input, output), …]")
    return data


def line(row, i, op):
    if isinstance(row, (tuple, list)) and len(row) == 2:
        row = {"input": row[0], "output": row[1]}
    if not isinstance(row, dict):
        raise wrong(op, f"row {i + 1}: got {row!r:.60}, want a dict or a pair (input, output)")
    empty = next((k for k, v in row.items() if missing(v)), None)
    if empty is not None:
        raise wrong(op, f"row {i + 1}: nothing in the column {empty}", "drop that row, or fill it in")
    try:
        return json.dumps({str(k): v for k, v in row.items()}, ensure_ascii=False, default=plain, allow_nan=False)
    except (TypeError, ValueError) as e:
        raise wrong(op, f"row {i + 1}: {e}", "want text, numbers and lists of them") from e


def missing(v):
    return v is None or isinstance(v, float) and math.isnan(v) or type(v).__name__ in ("NAType", "NaTType")


def plain(v):
    """Values of NumPy and the like for json."""
    if hasattr(v, "tolist"):
        return v.tolist()
    raise TypeError(f"got a {type(v).__name__}")


def inputs(data):
    """Texts to answer, as rows without an output: (rows, there was but one)."""
    if isinstance(data, str):
        return [{"input": data}], True
    if not hasattr(data, "columns") and hasattr(data, "tolist"):  # a column
        data = data.tolist()
    out = []
    for i, row in enumerate(records(data, "predict")):
        if isinstance(row, str):
            row = {"input": row}
        if not isinstance(row, dict) or not row:
            raise wrong("predict", f"row {i + 1}: got {row!r:.60}, want text", 'such as await w.predict(["a text", "another"])')
        out.append({k: v for k, v in row.items() if k not in ("output", "label", "completion", "answer", "target")})
    return out, False
