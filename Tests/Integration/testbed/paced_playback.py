"""A film played from a mounted share at its bit rate, by a swarm that has little more to give."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from .call_observer import CallObserver, ReadTime
from .kernel_client import KernelClient
from .network import GUEST_GATEWAY
from .processes import TestbedError
from .sluice_server import SluiceServer
from .torrents import Torrent

RATE = 2_500_000
"""Of the film, in bytes a second: 20 Mbit/s."""
SEEDS = 3
SEED_RATE = RATE * 3 // 2 // SEEDS
"""All seeds together send one and a half times what is played."""
START = 3
"""Seconds in which a READ may take its time."""
LONGEST = 1.0
"""Seconds that no READ may wait after that."""

_READER = Path(__file__).with_name("paced_reader.py")


@dataclass(frozen=True)
class Playback:
    reads: list[ReadTime]
    """All of them, by NFS."""
    waits: list[tuple[float, float]]
    """When the player waited longer than 100 ms, and how long: seconds since its begin."""

    @property
    def longest_read(self) -> float:
        """Of those that were asked after the start."""
        begin = min(read.asked for read in self.reads)
        return max(read.seconds for read in self.reads if read.asked > begin + START)

    @property
    def longest_wait(self) -> float:
        """Of the player, after the start."""
        return max((waited for at, waited in self.waits if at > START), default=0.0)


def play(guest: KernelClient, server: SluiceServer, film: Torrent, seconds: int) -> Playback:
    """Plays so many seconds of the film in route `films`; every byte has to be right."""
    observer = CallObserver(server)
    where = "/mnt/playback"
    ports = f"port={observer.port},mountport={server.mount_port}"
    options = f"vers=3,proto=tcp,mountproto=tcp,{ports}"
    guest.run(f"mkdir -p {where}; mount -o {options} {GUEST_GATEWAY}:{server.export} {where}")
    try:
        command = f"python3 {_READER} {where}/{server.path('films', film)} {RATE} {seconds}"
        output = guest.run(command, timeout=seconds + 60).output
    finally:
        guest.run(f"umount -f -l {where}", check=False)
        observer.stop()
    result = json.loads(output)
    with open(film.content_path(film.files[0]), "rb") as content:
        digest = hashlib.sha256(content.read(result["bytes"])).hexdigest()
    if digest != result["sha256"] or result["bytes"] < RATE * seconds:
        raise TestbedError(f"the film came wrong, or in part: {result}")
    return Playback(observer.reads(), [tuple(each) for each in result["waits"]])
