"""What the test bed knows of any BitTorrent client: how it is started, what it has, how it ends."""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.parse
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..host import Host
from ..processes import Process, TestbedError, require_running, wait_until
from ..torrents import Torrent

PEER_PORT = 6881
"""TCP and UDP, on a host of its own for every client."""


class Encryption(Enum):
    REFUSED = "refused"
    OFFERED = "offered"
    REQUIRED = "required"


@dataclass(frozen=True)
class Switches:
    """What a client may use; everything that finds peers, but trackers, is off by default."""

    encryption: Encryption = Encryption.OFFERED
    utp: bool = False
    dht: bool = False
    peer_exchange: bool = False
    local_discovery: bool = False
    download_limit: int = 0
    """Bytes a second, 0 for none."""


@dataclass(frozen=True)
class Task:
    """One torrent, by its metainfo or its magnet link, and the directory of its content."""

    torrent: Torrent
    source: Path | str
    data: Path
    seeds: bool

    @property
    def magnet(self) -> str | None:
        return self.source if isinstance(self.source, str) else None


class Client:
    """A program with one task on a host of its own. `directory` is its alone."""

    name: str
    package: str

    def __init__(self, host: Host, directory: Path, task: Task, switches: Switches):
        self.host = host
        self.directory = directory
        self.task = task
        self.switches = switches
        directory.mkdir(parents=True)
        if not task.seeds:
            task.data.mkdir(parents=True, exist_ok=True)
        self.process = Process(
            host.command(self.arguments()),
            directory / f"{self.name.lower()}.log",
            cwd=directory,
            environment={"HOME": str(directory), "TMPDIR": str(directory), "TERM": "dumb"},
        )
        try:
            self.begin()
        except BaseException:
            self.stop()
            raise

    def arguments(self) -> list[str]:
        """The command; files that it needs are written first."""
        raise NotImplementedError

    def begin(self) -> None:
        """Gives it the task, unless its command says all."""

    def is_complete(self) -> bool:
        """Whether it says that it has everything."""
        raise NotImplementedError

    def wait_for_download(self, timeout: float) -> None:
        """Returns once it has everything and every byte in its files is right."""

        def complete() -> bool:
            ended = self.process.exit_code
            if ended not in (None, 0):
                require_running(self.process)
            return self.is_complete()

        wait_until(complete, timeout, f"download by {self.name}", interval=0.1)
        # What is verified may still be on its way into the file.
        wait_until(self._content_is_right, 20, f"right content from {self.name}", interval=0.2)

    def stop(self) -> None:
        """Gone without a word, as when the machine goes dark."""
        self.process.kill()

    def logs(self) -> list[Path]:
        return [self.process.log_path]

    def _content_is_right(self) -> bool:
        for file in self.task.torrent.files:
            path = self.task.data / self.task.torrent.name
            if not self.task.torrent.single_file:
                path = path / file.path
            if not path.exists():
                return False
            with open(path, "rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != file.sha256:
                    return False
        return True


class HTTPControl:
    """A client's interface on the loopback address of its host."""

    def __init__(self, client: Client, port: int):
        self._client = client
        self._port = port

    def wait_until_up(self, timeout: float = 30) -> None:
        def answers() -> bool:
            require_running(self._client.process)
            try:
                self._client.host.connect("127.0.0.1", self._port).close()
                return True
            except OSError:
                return False

        wait_until(answers, timeout, f"answer of {self._client.name}", interval=0.1)

    def call(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """The response, whose body is still to be read."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.sock = self._client.host.connect("127.0.0.1", self._port, timeout=30)
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        return connection.getresponse()

    def json(self, path: str):
        response = self.call(path)
        body = response.read()
        if response.status != 200:
            raise TestbedError(f"{self._client.name} {path}: {response.status} {body[:200]!r}")
        return json.loads(body)

    def form(self, path: str, **fields: str) -> None:
        body = urllib.parse.urlencode(fields).encode()
        response = self.call(path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = response.read()
        if response.status != 200:
            raise TestbedError(f"{self._client.name} {path}: {response.status} {answer[:200]!r}")
