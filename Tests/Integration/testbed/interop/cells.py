"""One cell of the matrix: Sluice and one other client, one of them with the torrent."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ..clients.client import PEER_PORT, Client, Task
from ..host import Host, LocalNetwork
from ..nfs_server import NFSServer
from ..nfs_wire import NOENT, NFSError
from ..processes import TestbedError, require_running, wait_until
from ..sluice_server import Route, SluiceServer
from ..torrents import Torrent, make_single_file
from ..web_server import Nginx
from .bed import Bed
from .rooms import Room
from .rows import PEER_EXCHANGE, WEB_SEED, Row, Tracker

_SIZE = (4 << 20) + 12_345
_PIECE_LENGTH = 32 << 10
_ROUTE = "films"


class Role(Enum):
    """The other client's."""

    SEEDER = "seeder"
    LEECHER = "leecher"


@dataclass(frozen=True)
class Outcome:
    seconds: float = 0
    """Of the transfer."""
    server_cpu_seconds: float = 0
    failure: str | None = None
    """What went wrong, with the ends of the logs of both sides."""


class HostedSluice(SluiceServer):
    """The server on a host of its own; no rpcbind is there."""

    def __init__(self, host: Host, directory: Path, route: Route, settings: dict):
        self._address = host.address
        given = {
            **settings,
            "nfs": {"address": "0.0.0.0" if host.ipv4 else "::", "rpcbind": False},
            "bittorrent": {"address": "::", "port": PEER_PORT, **settings.get("bittorrent", {})},
        }
        super().__init__(host, directory, [route], given)

    @property
    def address(self) -> str:
        return self._address

    def start(self, timeout: float = 60) -> float:
        return NFSServer.start(self, timeout)

    def read(self, name: str, size: int, timeout: float) -> bytes:
        """A file of the route from its beginning, as soon as the route shows it."""
        deadline = time.monotonic() + timeout
        with self.connect() as connection:
            root = self.root_handle()

            def found() -> bytes | None:
                require_running(self.process)
                try:
                    return connection.walk(root, f"{_ROUTE}/{name}")
                except NFSError as error:
                    if error.status != NOENT:
                        raise
                    return None

            handle = wait_until(found, timeout, f"{name} in the listing", interval=0.1)
            return connection.read_range(handle, 0, size, deadline - time.monotonic())


class Cell:
    """Runs once; everything it starts ends with it."""

    def __init__(self, row: Row, client: type[Client], role: Role):
        self.row = row
        self.client = client
        self.role = role
        self.name = f"{row.name}/{client.name}/{role.value}"
        self._plain_name = self.name.replace("/", ".").replace(" ", "-").replace(",", "")

    def run(self, bed: Bed) -> Outcome:
        self._bed = bed
        self._started: list = []
        self._log_paths: list[Path] = []
        self._server: HostedSluice | None = None
        self._began = time.monotonic()
        try:
            self._prepare()
            if self.role == Role.LEECHER:
                self._leech()
            elif self.row is PEER_EXCHANGE:
                self._seed_of_one_that_is_told()
            else:
                self._seed()
            seconds = time.monotonic() - self._began
            return Outcome(seconds, self._server.process.usage().cpu_seconds)
        except (TestbedError, NFSError, OSError, EOFError) as error:
            return Outcome(failure=f"{type(error).__name__}: {error}\n{self._ends_of_logs()}")
        finally:
            for each in reversed(self._started):
                each()

    # What happens.

    def _prepare(self) -> None:
        bed, row = self._bed, self.row
        self._directory = bed.directory / self._plain_name
        self._directory.mkdir()
        self._torrent = make_single_file(
            self._directory,
            f"{self._plain_name}.bin",
            _SIZE,
            _PIECE_LENGTH,
            [],
            version=row.version,
        )
        self._room = self._make_room("room")
        self._server_host = self._host()
        self._client_host = self._host()
        # Not at the server: it may have its bytes from the feed, which is not what is tried.
        for protocol in row.blocked:
            self._client_host.block(protocol, PEER_PORT)

    def _seed(self) -> None:
        row, torrent = self.row, self._torrent
        shown = self._sources([self._room], "shown") if row.tracker != Tracker.NONE else []
        source = shown or torrent.metainfo
        self._start_client(source, torrent.data)
        if row.tracker != Tracker.NONE:
            address = self._client_host.address
            wait_until(lambda: self._room.knows(address), 60, "announce of the seed", 0.1)
        if row.magnet:
            source = torrent.magnet(self._room.url)
        self._start_server(source)
        self._read_all()

    def _seed_of_one_that_is_told(self) -> None:
        """The client knows one that has everything, Sluice knows the client."""
        torrent, other = self._torrent, self._make_room("other")
        self._feed(self._room)
        self._start_client(self._sources([self._room], "client"), self._directory / "partial")
        self._await_at_feed(60)
        other.put(self._client_host.address)
        self._start_server(self._sources([other], "server"))
        self._read_all()
        # By now it may have parted again: two that have everything need nothing of each other.
        lines = self._server.log().splitlines()
        if not any(f"peer={self._feed_address}:" in line for line in lines if "connected" in line):
            raise TestbedError("Sluice has never dialled the one it should be told of")

    def _leech(self) -> None:
        row, torrent = self.row, self._torrent
        known = self._sources([self._room], "known")
        source: Path | str = known
        if row.tracker == Tracker.NONE:
            source = torrent.metainfo
        elif row.magnet:
            source = torrent.magnet(self._room.url)
        downloaded = self._directory / "downloaded"
        client: Client | None = None
        if row.leecher_waits:
            client = self._start_client(source, downloaded)
            announced = lambda: self._bed.listener.has_heard(torrent)  # noqa: E731
            wait_until(announced, 60, f"announcement by {client.name}", 0.1)
        if row is WEB_SEED:
            self._read_from_web()
        else:
            self._feed(self._room)
            self._start_server(known)
            if row is PEER_EXCHANGE:
                self._read_a_part()
            else:
                self._read_all()
        if row.switches.dht:
            # It looks, and says that it is there, as long as it has a peer.
            log = self._server.log
            wait_until(lambda: "a DHT search has ended" in log(), 60, "search in the DHT", 0.1)
        self._room.remove(self._feed_address)
        if row is not PEER_EXCHANGE:
            self._bed.feed.remove(torrent)
        self._began = time.monotonic()
        client = client or self._start_client(source, downloaded)
        if row is PEER_EXCHANGE:
            self._await_at_feed(row.seconds)
        else:
            client.wait_for_download(row.seconds)

    def _read_from_web(self) -> None:
        host = self._host()
        web = Nginx(host.address, self._torrent.data, self._directory, host=host)
        self._started.append(web.stop)
        self._log_paths.append(web.process.log_path)
        self._start_server(self._sources([self._room], "web", [web.url]))
        self._read_all()
        web.stop()

    def _await_at_feed(self, seconds: float) -> None:
        address = self._client_host.address
        wait_until(
            lambda: self._bed.feed.is_connected(self._torrent, address),
            seconds,
            f"{self.client.name} at the one that has everything",
            0.1,
        )

    # What it is made of.

    def _make_room(self, name: str) -> Room:
        return Room(self._bed, self.row, self._torrent, f"{self._plain_name}.{name}")

    def _host(self) -> Host:
        host = self._bed.network.host(ipv4=not self.row.ipv6, ipv6=self.row.ipv6)
        self._started.append(host.close)
        return host

    @property
    def _feed_address(self) -> str:
        return LocalNetwork.address_6 if self.row.ipv6 else LocalNetwork.address

    def _feed(self, room: Room) -> None:
        self._bed.feed.add(self._torrent)
        self._started.append(lambda: self._bed.feed.remove(self._torrent))
        room.put(self._feed_address)

    def _sources(self, rooms: list[Room], name: str, web_seeds: list[str] = []) -> Path:
        return self._torrent.with_sources(name, [[room.url] for room in rooms], web_seeds)

    def _start_client(self, source: Path | str, data: Path) -> Client:
        seeds = data == self._torrent.data
        task = Task(self._torrent, source, data, seeds)
        directory = self._directory / self.client.name.lower()
        client = self.client(self._client_host, directory, task, self.row.switches)
        self._started.append(client.stop)
        self._log_paths += client.logs()
        return client

    def _start_server(self, source: Path | str) -> None:
        magnets = [source] if isinstance(source, str) else []
        torrents = [source] if isinstance(source, Path) else []
        route = Route(_ROUTE, torrents=torrents, magnets=magnets)
        directory = self._directory / "sluice"
        settings = {"log_level": "debug", **self.row.server}
        server = HostedSluice(self._server_host, directory, route, settings)
        self._started.append(lambda: server.process and server.terminate())
        server.start()
        self._log_paths.append(server.process.log_path)
        self._server = server

    def _read_all(self) -> None:
        self._began = time.monotonic()
        data = self._server.read(self._torrent.name, self._torrent.size, self.row.seconds)
        if hashlib.sha256(data).hexdigest() != self._torrent.files[0].sha256:
            raise TestbedError("wrong bytes through NFS")

    def _read_a_part(self) -> None:
        """Sluice stays with the one that has everything as long as it lacks something itself."""
        part = 256 << 10
        data = self._server.read(self._torrent.name, part, self.row.seconds)
        if data != (self._torrent.data / self._torrent.name).read_bytes()[:part]:
            raise TestbedError("wrong bytes through NFS")

    def _ends_of_logs(self) -> str:
        parts = []
        for path in self._log_paths:
            if path.exists():
                lines = path.read_text(errors="replace").splitlines()[-12:]
                parts.append(f"-- the end of {path}\n" + "\n".join(line[:160] for line in lines))
        return "\n".join(parts)
