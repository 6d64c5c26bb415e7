"""Bytes that look random and are the same in every run."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

_CHUNK = 1 << 20


def write_file(path: Path, size: int, seed: str) -> str:
    """Writes `size` bytes that depend on `seed` alone. Returns their SHA-256 in hex."""
    generator = random.Random(seed)
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        for start in range(0, size, _CHUNK):
            chunk = generator.randbytes(min(_CHUNK, size - start))
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
