"""What the cells of the matrix share: network, trackers, DHT, and a peer that has everything."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

import libtorrent

from ..clients.client import PEER_PORT
from ..dht_network import DHTNetwork
from ..host import LocalNetwork
from ..torrents import Torrent
from ..tracker import Tracker
from ..udp_tracker import UDPTracker


class Feed:
    """A session of libtorrent in this process; it has a torrent from `add` until `remove`."""

    def __init__(self) -> None:
        self._session = libtorrent.session(
            {
                "listen_interfaces": f"{LocalNetwork.address}:{PEER_PORT},"
                f"[{LocalNetwork.address_6}]:{PEER_PORT}",
                "enable_dht": False,
                "enable_lsd": False,
                "enable_upnp": False,
                "enable_natpmp": False,
                "alert_mask": 0,
            }
        )
        self._lock = threading.Lock()
        self._handles: dict[Path, libtorrent.torrent_handle] = {}

    def add(self, torrent: Torrent) -> None:
        parameters = libtorrent.add_torrent_params()
        parameters.ti = libtorrent.torrent_info(str(torrent.metainfo))
        parameters.save_path = str(torrent.data)
        parameters.flags |= libtorrent.torrent_flags.seed_mode
        # A queue would keep all but a few of them from their peers.
        parameters.flags &= ~libtorrent.torrent_flags.auto_managed
        parameters.flags &= ~libtorrent.torrent_flags.paused
        handle = self._session.add_torrent(parameters)
        with self._lock:
            self._handles[torrent.metainfo] = handle

    def remove(self, torrent: Torrent) -> None:
        """Without it, its connections end."""
        with self._lock:
            handle = self._handles.pop(torrent.metainfo, None)
        if handle is not None:
            self._session.remove_torrent(handle)

    def is_connected(self, torrent: Torrent, address: str) -> bool:
        with self._lock:
            handle = self._handles[torrent.metainfo]
        handshaking = libtorrent.peer_info.handshake | libtorrent.peer_info.connecting
        return any(
            peer.ip[0] == address and not peer.flags & handshaking
            for peer in handle.get_peer_info()
        )


class Listener:
    """Hears what is announced on the local network (BEP 14)."""

    _GROUP, _PORT = "239.192.152.143", 6771

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((self._GROUP, self._PORT))
        membership = socket.inet_aton(self._GROUP) + socket.inet_aton(LocalNetwork.address)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        threading.Thread(target=self._listen, daemon=True).start()

    def has_heard(self, torrent: Torrent) -> bool:
        return torrent.info_hash.hex() in self._heard

    def _listen(self) -> None:
        while True:
            packet = self._socket.recv(2048).decode(errors="replace").lower()
            self._heard |= set(re.findall(r"infohash: *([0-9a-f]{40})", packet))


class Bed:
    """Made once for all cells."""

    def __init__(self, directory: Path, network: LocalNetwork, tracker: Tracker):
        self.directory = directory
        self.network = network
        self.tracker = tracker
        self.tracker_6 = Tracker(address=LocalNetwork.address_6)
        self.udp_tracker = UDPTracker()
        self.dht = DHTNetwork(self.network, directory / "dht")
        self.feed = Feed()
        self.listener = Listener()
        self.dht.wait_until_up()

    def close(self) -> None:
        self.dht.stop()
        self.udp_tracker.stop()
        self.tracker_6.stop()
