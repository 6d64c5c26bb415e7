"""What can happen to the files of a cache while no server looks at them."""

from __future__ import annotations

import os
import random

from .sluice_server import SluiceServer

_PLACES = 3


def damage(server: SluiceServer, generator: random.Random) -> None:
    """Damages each cache file, or most of them: bytes are others, lost, or all are gone."""
    for path in sorted((server.state / "cache").glob("*.pieces")):
        generator.choice([_overwrite, _overwrite, _zero, _truncate, _delete])(path, generator)


def _overwrite(path, generator: random.Random) -> None:
    _write(path, generator, lambda count: generator.randbytes(count))


def _zero(path, generator: random.Random) -> None:
    _write(path, generator, bytes)


def _write(path, generator: random.Random, make) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        for _ in range(_PLACES):
            count = generator.choice([1, 512, 100_000])
            file.seek(generator.randrange(max(1, size - count)))
            file.write(make(min(count, size)))


def _truncate(path, generator: random.Random) -> None:
    os.truncate(path, generator.randrange(path.stat().st_size + 1))


def _delete(path, generator: random.Random) -> None:
    path.unlink()
