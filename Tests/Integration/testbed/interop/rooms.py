"""Where the peers of one cell meet: a room of a tracker, or none."""

from __future__ import annotations

from .. import tracker as http
from .. import udp_tracker as udp
from ..clients.client import PEER_PORT
from ..host import LocalNetwork
from ..torrents import Torrent
from .bed import Bed
from .rows import Row, Tracker


class Room:
    """Peers that ask here hear of those that asked here before, and of those that are put here."""

    def __init__(self, bed: Bed, row: Row, torrent: Torrent, name: str):
        self._torrent = torrent
        self._path = f"/announce/{name}"
        self._udp = bed.udp_tracker if row.tracker == Tracker.UDP else None
        self._http = bed.tracker_6 if row.ipv6 else bed.tracker
        host = f"[{LocalNetwork.address_6}]" if row.ipv6 else http.TRACKER_ADDRESS
        self.url = udp.ANNOUNCE_URL if self._udp else f"http://{host}:{http.PORT}{self._path}"

    def put(self, address: str) -> None:
        if self._udp:
            self._udp.add_peer(self._torrent.info_hash, address, PEER_PORT)
        else:
            self._http.add_peer(self._torrent.info_hash, address, PEER_PORT, self._path)

    def remove(self, address: str) -> None:
        (self._udp or self._http).remove_peer(address, self._torrent.info_hash)

    def knows(self, address: str) -> bool:
        if self._udp:
            return self._udp.knows(self._torrent.info_hash, address)
        return self._http.knows(self._torrent.info_hash, address, self._path)
