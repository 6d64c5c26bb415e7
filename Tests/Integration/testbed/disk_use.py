"""What a directory takes on the disk, watched while something happens; and small file systems."""

from __future__ import annotations

import os
import subprocess
import threading
import unittest
from pathlib import Path


class DiskUse:
    """Looks over and over; `most` is what it saw at most.

    Counts blocks, or lengths where the file system does not count blocks.
    """

    def __init__(self, directory: Path, by_length: bool = False):
        self._directory = directory
        self._by_length = by_length
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = 0

    def __enter__(self) -> DiskUse:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._ends.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ends.wait(0.02):
            self.most = max(self.most, self.now())

    def now(self) -> int:
        total = 0
        for directory, _, names in os.walk(self._directory):
            for name in names:
                try:
                    status = os.stat(os.path.join(directory, name))
                except FileNotFoundError:
                    continue
                total += status.st_size if self._by_length else status.st_blocks * 512
        return total


def mounted(test: unittest.TestCase, kind: str, path: Path, options: str = "") -> Path:
    """A new file system at `path` until the test ends."""
    path.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", kind, *(["-o", options] if options else []), kind, str(path)]
    subprocess.run(command, check=True)
    test.addCleanup(subprocess.run, ["umount", "-l", str(path)], check=False)
    return path
