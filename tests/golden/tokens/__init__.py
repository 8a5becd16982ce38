"""Tokenizers of every type that models come with, and what Hugging Face makes of many strings with them.

Each type is a `NAME.json` as its models have it, but with a vocabulary of a few hundred entries, learned here from
words made up here. `strings.json` holds the strings, `NAME.safetensors` what they become: `ids` (u16, one after the
other), `counts` (u16, ids a string) and `decoded` (u64, FNV-1a of each string's ids written as text again).

Not called `tokenizers`: the library of that name would no longer be found.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from .kinds import KINDS
from .strings import strings


def fnv(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def make(out: Path) -> None:
    folder = out / "tokens"
    texts = strings()
    (folder / "strings.json").write_text(json.dumps(texts, ensure_ascii=True, indent=0) + "\n")
    for name, kind in KINDS.items():
        file = json.dumps(kind(), ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(file + "\n")
        tokenizer = Tokenizer.from_str(file)
        ids = [tokenizer.encode(text).ids for text in texts]
        decoded = [fnv(tokenizer.decode(each)) for each in ids]
        answers = {
            "ids": np.array([one for each in ids for one in each], dtype=np.uint16),
            "counts": np.array([len(each) for each in ids], dtype=np.uint16),
            "decoded": np.array(decoded, dtype=np.uint64),
        }
        save_file(answers, folder / f"{name}.safetensors")
