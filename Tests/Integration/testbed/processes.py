"""Programs the test bed starts: each with its log, its resource use, and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

class TestbedError(Exception):
    """The test bed itself could not do its part."""


@dataclass(frozen=True)
class Usage:
    """What a process has used since it started."""

    cpu_seconds: float
    resident_bytes: int
    peak_resident_bytes: int


class Process:
    """A program in a process group of its own, its output going to a log file."""

    _started: list["Process"] = []

    def __init__(
        self,
        arguments: list[str],
        log: Path,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
    ):
        self.name = log.stem
        self.log_path = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            self._popen = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        Process._started.append(self)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """`None` while it runs; negative for the signal that ended it."""
        return self._popen.poll()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait(self, timeout: float) -> int:
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TestbedError(f"{self.name} still runs after {timeout} s") from error

    def signal(self, number: int) -> None:
        if self.exit_code is None:
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and only back once the kernel has taken the process away."""
        self.signal(signal.SIGKILL)
        self.wait(10)

    def terminate(self, timeout: float = 10) -> float:
        """SIGTERM, then SIGKILL after `timeout` seconds. Returns how long the end took."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        return time.monotonic() - began

    def usage(self) -> Usage:
        """Processor time of all its threads, to the nanosecond, and its resident memory."""
        try:
            cpu_seconds = time.clock_gettime(_processor_clock(self.pid))
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError as error:
            raise TestbedError(f"{self.name} has ended; see {self.log_path}") from error
        memory = dict(
            line.split(":", 1) for line in status.splitlines() if line.startswith("Vm")
        )

        def kilobytes(key: str) -> int:
            return int(memory.get(key, "0 kB").split()[0]) * 1024

        return Usage(
            cpu_seconds=cpu_seconds,
            resident_bytes=kilobytes("VmRSS"),
            peak_resident_bytes=kilobytes("VmHWM"),
        )

    @classmethod
    def stop_all(cls) -> None:
        """Ends everything started and not yet ended, the latest first."""
        while cls._started:
            process = cls._started.pop()
            if process.exit_code is None:
                process.terminate(timeout=3)


def wait_until(condition, timeout: float, what: str, interval: float = 0.02):
    """Polls `condition` until it is true and returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TestbedError(f"no {what} after {timeout} s")
        time.sleep(interval)


def require_running(process: Process) -> None:
    if process.exit_code is not None:
        tail = "\n".join(process.log().splitlines()[-20:])
        raise TestbedError(f"{process.name} ended with {process.exit_code}:\n{tail}")


def _processor_clock(pid: int) -> int:
    """The clock of a process's processor time, as clock_getcpuclockid(3) makes its number."""
    return ~pid << 3 | 2
