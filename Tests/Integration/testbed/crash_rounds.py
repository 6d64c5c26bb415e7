"""Rounds of `kill -9` at random moments, while clients read, pieces come and registrations change.

The load never ends: readers compare every byte with the original, and go on with the handles that
they got before the first kill; files come to a torrent folder and leave it; magnet links are added.
After each start everything that was registered has to be there, and a reader gets its first bytes.

To extend it: `while_dead` is called between a kill and the next start, with the dead server and the
random numbers of the run. It may damage what the server has left behind (`server.state`, and the
cache in `server.state / "cache"`): the readers then show whether a wrong byte is served, and
`Outcome.problems` what is lost. More load is one more function in `_loads`, which is called over
and over in a thread of its own; what it does to files that the server reads at its start it does
inside `self._alive`.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .libnfs_client import LibnfsClient
from .libtorrent_seed import LibtorrentSeed
from .nfs_wire import JUKEBOX, OK, NFSConnection, NFSError, RPCError
from .processes import TestbedError
from .scene import Scene
from .sluice_server import Route, SluiceServer
from .torrents import Torrent, make_directory, make_single_file
from .tracker import ANNOUNCE_URL

_READERS = 3
_READ = 128 << 10
_LONGEST_RUN = 24
"""READs that a reader makes from one place on."""
_SEED_RATE = 3_000_000
"""Of each film, in bytes a second: so little that something is left to fetch to the end."""
_ADDED = 8
"""Torrents that come and go in the folder."""
_MAGNETS = 40
_SHORTEST_ROUND, _LONGEST_ROUND = 0.02, 1.0
_RECORDED = 2.0
"""Seconds after which what was served is surely recorded as cached."""
_SETTLED = 5.0
"""Seconds after which a folder's torrents have to be shown; it is looked at every second."""


@dataclass
class Outcome:
    rounds: int = 0
    compared: int = 0
    """Bytes that were served, and right."""
    wrong: list[str] = field(default_factory=list)
    """READs that brought a wrong byte."""
    problems: list[str] = field(default_factory=list)
    """What was lost, or failed although the server ran."""
    answers: list[float] = field(default_factory=list)
    """Seconds from each start to the first bytes of a file."""


class CrashRounds:
    """`films` of `size` bytes are read; `seed` repeats the moments, as far as a machine can."""

    def __init__(self, scene: Scene, directory: Path, films: int, size: int, seed: int):
        self._scene = scene
        self._directory = directory
        self._random = random.Random(seed)
        self.outcome = Outcome()
        self._lock = threading.Lock()
        self._ends = threading.Event()
        # Held while the server is dead or looked at, so that what is registered stands still.
        self._alive = threading.Lock()
        self._films = [self._film(number, size) for number in range(films)]
        self._added = [self._small(f"added {number}") for number in range(_ADDED)]
        self._linked = [self._small(f"linked {number}") for number in range(_MAGNETS)]
        self._folder = directory / "folder"
        self._folder.mkdir()
        self._links = 1
        self._shown: set[str] = set()
        everything = [*self._films, *self._added, *self._linked]
        self._seed = LibtorrentSeed(
            scene.network,
            scene.tracker,
            everything,
            directory,
            settings={"active_limit": 500, "active_seeds": 500},
            torrent_upload_limit=_SEED_RATE,
        )
        self.server = SluiceServer(scene.network, directory / "server", self._routes())

    def run(
        self,
        rounds: int,
        while_dead: Callable[[SluiceServer, random.Random], None] | None = None,
    ) -> Outcome:
        self.server.start()
        handles = self._handles()
        self._read_first_bytes(handles)
        time.sleep(_RECORDED)
        threads = [
            threading.Thread(target=self._over_and_over, args=(load, self._random.random()))
            for load in self._loads(handles)
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in range(rounds):
                time.sleep(self._random.uniform(_SHORTEST_ROUND, _LONGEST_ROUND))
                with self._alive:
                    self._one_round(handles, while_dead)
                self.outcome.rounds += 1
        finally:
            self._ends.set()
            for thread in threads:
                thread.join(60)
            if self.server.process.exit_code is None:
                self.server.terminate()
            self._seed.stop()
        return self.outcome

    def _one_round(self, handles: dict[str, bytes], while_dead) -> None:
        if self.server.process.exit_code is not None:
            self._problem(f"the server ended by itself with {self.server.process.exit_code}")
        self.server.kill()
        if while_dead is not None:
            while_dead(self.server, self._random)
        began = time.monotonic()
        self.server.start()
        self._read_first_bytes(handles)
        self.outcome.answers.append(time.monotonic() - began)
        self._look()

    def _read_first_bytes(self, handles: dict[str, bytes]) -> None:
        """Cached from before the first kill on."""
        film = self._films[0]
        with self.server.connect() as connection:
            data = connection.read_range(handles[film.name], 0, 4096, timeout=30)
        self._compare(film, 0, data)

    def _look(self) -> None:
        """Everything that was registered is there again."""
        films = {film.name for film in self._films}
        self._expect("films", lambda names: names == films, str(films))
        added = {path.stem for path in self._folder.iterdir()}
        self._expect("folder", lambda names: names == added, str(added), patience=_SETTLED)
        self._expect("links", lambda names: names >= self._shown, str(self._shown))
        # Once shown, its metadata must never be asked of peers again.
        self._shown |= self._names("links")

    def _expect(self, route: str, holds, what: str, patience: float = 0) -> None:
        deadline = time.monotonic() + patience
        while not holds(names := self._names(route)):
            if time.monotonic() > deadline:
                self._problem(f"in {route} there is {names}, not {what}")
                return
            time.sleep(0.1)

    def _names(self, route: str) -> set[str]:
        client = LibnfsClient(self.server.address, self.server.export, self.server.port)
        try:
            return set(client.list(route))
        except TestbedError:
            return set()

    # MARK: Load

    def _loads(self, handles: dict[str, bytes]) -> list[Callable[[random.Random], None]]:
        def read(generator: random.Random) -> None:
            self._read(generator, handles)

        return [read] * _READERS + [self._change_folder, self._add_link]

    def _over_and_over(self, load, seed: float) -> None:
        generator = random.Random(seed)
        while not self._ends.is_set():
            try:
                load(generator)
            except (OSError, EOFError, AssertionError):
                # The server is gone, in the middle of a record or before.
                time.sleep(0.05)
            except (NFSError, RPCError, TestbedError) as error:
                self._problem(f"{load.__name__}: {error}")

    def _read(self, generator: random.Random, handles: dict[str, bytes]) -> None:
        """A few places of a film, from each some READs, several at a time."""
        film = generator.choice(self._films)
        with self.server.connect(timeout=2) as connection:
            for _ in range(4):
                at = generator.randrange(film.size // _READ) * _READ
                end = min(film.size, at + generator.randint(1, _LONGEST_RUN) * _READ)
                self._read_range(connection, film, handles[film.name], at, end)
                if self._ends.is_set():
                    return

    def _read_range(
        self, connection: NFSConnection, film: Torrent, handle: bytes, at: int, end: int
    ) -> None:
        places = list(range(at, end, _READ))
        calls = [connection.send_read(handle, place, _READ) for place in places]
        for place, call in zip(places, calls):
            reply = connection.read_reply(call, 0, timeout=40)
            if reply.status == OK:
                self._compare(film, place, reply.data)
            elif reply.status != JUKEBOX:
                raise NFSError(f"READ of {film.name} at {place}", reply.status)

    def _change_folder(self, generator: random.Random) -> None:
        """A file comes whole, as programs that download .torrent files see to."""
        time.sleep(generator.uniform(0.05, 0.5))
        torrent = generator.choice(self._added)
        place = self._folder / torrent.metainfo.name
        with self._alive:
            if place.exists():
                place.unlink()
            else:
                unfinished = self._folder.with_name("unfinished")
                shutil.copy(torrent.metainfo, unfinished)
                unfinished.rename(place)

    def _add_link(self, generator: random.Random) -> None:
        """A magnet link more, as soon as the last one has its metadata."""
        time.sleep(generator.uniform(0.05, 0.5))
        with self._alive:
            names = self._names("links")
            self._shown |= names
            if len(names) == self._links < len(self._linked):
                self._links += 1
                self.server.set_routes(self._routes())

    # MARK: Parts

    def _routes(self) -> list[Route]:
        links = [torrent.magnet(ANNOUNCE_URL) for torrent in self._linked[: self._links]]
        films = Route("films", self._films)
        return [films, Route("folder", folders=[self._folder]), Route("links", magnets=links)]

    def _film(self, number: int, size: int) -> Torrent:
        directory = self._directory / f"film-{number}"
        return make_single_file(directory, f"film-{number}.mkv", size, 256 << 10, _URL)

    def _small(self, name: str) -> Torrent:
        sizes = {"one.txt": 1000, "two.bin": 40_000}
        return make_directory(self._directory / name, name, sizes, 16 << 10, _URL)

    def _handles(self) -> dict[str, bytes]:
        root = self.server.root_handle()
        with self.server.connect() as connection:
            return {
                film.name: connection.walk(root, self.server.path("films", film))
                for film in self._films
            }

    def _compare(self, film: Torrent, offset: int, data: bytes) -> None:
        is_right = data == film.read(offset, len(data))
        with self._lock:
            if is_right:
                self.outcome.compared += len(data)
            else:
                self.outcome.wrong.append(f"{film.name} at {offset}, {len(data)} bytes")

    def _problem(self, what: str) -> None:
        with self._lock:
            self.outcome.problems.append(f"round {self.outcome.rounds}: {what}")


_URL = [[ANNOUNCE_URL]]
