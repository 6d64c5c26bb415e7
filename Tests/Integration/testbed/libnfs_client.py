"""libnfs, the client inside Kodi, VLC and mpv, by its tools nfs-ls, nfs-cat and nfs-cp."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from .processes import TestbedError


class LibnfsClient:
    """Talks to one export. Ports come from rpcbind unless `port` says otherwise."""

    def __init__(self, address: str, export: str, port: int | None = None, prefix: list[str] = []):
        self._base = f"nfs://{address}{export}"
        self._arguments = "" if port is None else f"&nfsport={port}&mountport={port}"
        self._prefix = prefix

    def url(self, path: str = "") -> str:
        # The tools of libnfs 4 take a name as it is: no percent signs are decoded.
        joined = f"{self._base}/{path}" if path else self._base
        return f"{joined}?version=3{self._arguments}"

    def command(self, tool: str, *arguments: str) -> list[str]:
        return [*self._prefix, tool, *arguments]

    def list(self, path: str = "", timeout: float = 30) -> dict[str, int]:
        """Names in a directory with their sizes."""
        return {name: size for _, size, name in self._entries(path, timeout)}

    def files(self, path: str = "") -> dict[str, int]:
        """Every file below a directory, by its path from there, with its size."""
        found = {}
        for is_directory, size, name in self._entries(path, 30):
            if is_directory:
                below = self.files(f"{path}/{name}" if path else name)
                found |= {f"{name}/{each}": size for each, size in below.items()}
            else:
                found[name] = size
        return found

    def sha256(self, path: str, timeout: float = 120) -> str:
        """Reads a whole file with nfs-cat."""
        with subprocess.Popen(
            self.command("nfs-cat", self.url(path)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            digest = hashlib.file_digest(process.stdout, "sha256")
            error = process.stderr.read().decode(errors="replace")
            if process.wait(timeout) != 0:
                raise TestbedError(f"nfs-cat {path}: {error.strip()}")
        return digest.hexdigest()

    def copy(self, path: str, destination: Path, timeout: float = 120) -> None:
        self._run(self.command("nfs-cp", self.url(path), str(destination)), timeout)

    def _entries(self, path: str, timeout: float) -> list[tuple[bool, int, str]]:
        output = self._run(self.command("nfs-ls", self.url(path)), timeout).decode()
        # mode, links, uid, gid, size, name; only the name may hold blanks
        lines = [line.split(maxsplit=5) for line in output.splitlines()]
        return [(fields[0].startswith("d"), int(fields[4]), fields[5]) for fields in lines]

    def _run(self, command: list[str], timeout: float) -> bytes:
        try:
            result = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise TestbedError(f"{' '.join(command)}: no end after {timeout} s") from error
        if result.returncode != 0:
            message = (result.stderr or result.stdout).decode(errors="replace").strip()
            raise TestbedError(f"{' '.join(command)}: {message}")
        return result.stdout
