"""Drives `nfs_load` against a server and accounts for what it cost the server."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from testbed.nfs_server import NFSServer
from testbed.processes import TestbedError

_SOURCES = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Load:
    calls: int
    bytes: int
    seconds: float
    seconds_from_first_byte: float
    server_cpu_seconds: float


def build(directory: Path, name: str = "nfs_load") -> Path:
    program, source = directory / name, _SOURCES / f"{name}.c"
    subprocess.run(["cc", "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    return program


def apply(
    program: Path,
    server: NFSServer,
    file: str,
    test: str,
    count: int,
    depth: int,
    size: int = 1 << 20,
) -> Load:
    """Runs one load on the server's own side of the network, over loopback."""
    numbers = [str(count), str(depth), str(size)]
    target = ["127.0.0.1", str(server.port), str(server.mount_port), server.export, file]
    before = server.process.usage().cpu_seconds
    result = subprocess.run(
        server.network.on_server_side([str(program), *target, test, *numbers]),
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise TestbedError(f"nfs_load {test} of {type(server).__name__}: {result.stderr.strip()}")
    calls, total, seconds, from_first_byte = result.stdout.split()
    return Load(
        int(calls),
        int(total),
        float(seconds),
        float(from_first_byte),
        server.process.usage().cpu_seconds - before,
    )
