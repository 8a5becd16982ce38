"""The shipped digits: IDX files, see public/manifest.json."""

import gzip
from pathlib import Path

import numpy as np

PUBLIC = Path(__file__).parents[2] / "public"
CALIBRATION, TEST = 8000, 9000


def images(start: int, count: int) -> np.ndarray:
    """[count, 28, 28] grey values 0 to 255."""
    return _read("images.idx3.gz", 16).reshape(-1, 28, 28)[start : start + count]


def labels(start: int, count: int) -> np.ndarray:
    return _read("labels.idx1.gz", 8)[start : start + count]


def _read(name: str, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress((PUBLIC / "digits" / name).read_bytes()), np.uint8, offset=header)
