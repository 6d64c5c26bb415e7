"""A network of its own, held by a process that sleeps in it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from pathlib import Path

from .processes import Process, TestbedError, wait_until

_CLONE_NEWNET = 0x40000000


class NetworkNamespace:
    """Stands until `close`, which ends nothing else that runs in it."""

    def __init__(self, log: Path):
        self._holder = Process(["unshare", "--net", "sleep", "infinity"], log)
        wait_until(self._is_apart, 10, "network namespace")

    @property
    def pid(self) -> int:
        """Of a process that names it."""
        return self._holder.pid

    def command(self, arguments: list[str]) -> list[str]:
        """The command that runs `arguments` in it, with the same process id."""
        return ["nsenter", f"--net={self._path}", "--", *arguments]

    def ip(self, lines: list[str], *options: str) -> None:
        """Runs commands of `ip` in it."""
        run(self.command(["ip", *options, "-batch", "-"]), "\n".join(lines))

    def make(self, make):
        """What `make` returns; a socket stays where it was made."""
        made: list = []

        def enter_and_make() -> None:
            try:
                with open(self._path) as namespace:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                made.append(make())
            except Exception as error:
                made.append(error)

        # A namespace is a thread's own; this one ends with its work.
        thread = threading.Thread(target=enter_and_make)
        thread.start()
        thread.join()
        if isinstance(made[0], Exception):
            raise made[0]
        return made[0]

    def close(self) -> None:
        self._holder.kill()

    @property
    def _path(self) -> str:
        return f"/proc/{self._holder.pid}/ns/net"

    def _is_apart(self) -> bool:
        return os.readlink(self._path) != os.readlink("/proc/self/ns/net")


def ip(*lines: str) -> None:
    """Runs commands of `ip` where the tests are."""
    run(["ip", "-batch", "-"], "\n".join(lines))


def run(arguments: list[str], given: str = "") -> str:
    """What the program prints; it must succeed."""
    result = subprocess.run(arguments, input=given, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise TestbedError(f"{' '.join(arguments)} {given}: {result.stderr.strip()}")
    return result.stdout
