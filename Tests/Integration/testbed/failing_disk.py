"""A disk that fails when it is told to: reads and writes of the cache end with EIO."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SOURCE = Path(__file__).with_name("failing_disk.c")


class FailingDisk:
    """To be given to a server as `environment`; `cache` is the directory that fails."""

    def __init__(self, directory: Path, cache: Path):
        library = directory / "failing_disk.so"
        command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
        subprocess.run(command, check=True)
        self._switch = directory / "failing_disk"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAILING_DIRECTORY": str(cache),
            "FAILING_SWITCH": str(self._switch),
        }

    def fail(self, *what: str) -> None:
        """`reads`, `writes`, both or (none) nothing fails from now on."""
        for each in ("reads", "writes"):
            switch = self._switch.with_suffix(f".{each}")
            if each in what:
                switch.touch()
            else:
                switch.unlink(missing_ok=True)
