"""A UDP tracker (BEP 15) that records what it is told."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import threading
from dataclasses import dataclass

from .network import TRACKER_ADDRESS
from .processes import wait_until

PORT = 6970
ANNOUNCE_URL = f"udp://{TRACKER_ADDRESS}:{PORT}/announce"

_PROTOCOL = 0x41727101980
_CONNECT, _ANNOUNCE, _ERROR = 0, 1, 3
_EVENTS = ["", "completed", "started", "stopped"]


@dataclass(frozen=True)
class Announce:
    info_hash: bytes
    address: str
    port: int
    event: str
    left: int


class UDPTracker:
    """Listens on the swarm side; peers that said `stopped` are forgotten."""

    def __init__(self, interval: int = 30):
        self._interval = interval
        self._stopped = False
        self._lock = threading.Lock()
        self._announces: list[Announce] = []
        self._swarms: dict[bytes, set[tuple[str, int]]] = {}
        self._connections: set[bytes] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((TRACKER_ADDRESS, PORT))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def announces(self, info_hash: bytes) -> list[Announce]:
        with self._lock:
            return [each for each in self._announces if each.info_hash == info_hash]

    def add_peer(self, info_hash: bytes, address: str, port: int) -> None:
        """A peer that does not announce itself."""
        with self._lock:
            self._swarms.setdefault(info_hash, set()).add((address, port))

    def remove_peer(self, address: str, info_hash: bytes) -> None:
        with self._lock:
            swarm = self._swarms[info_hash]
            swarm -= {peer for peer in swarm if peer[0] == address}

    def knows(self, info_hash: bytes, address: str) -> bool:
        with self._lock:
            return any(peer[0] == address for peer in self._swarms.get(info_hash, set()))

    def wait_for(self, info_hash: bytes, address: str) -> None:
        wait_until(
            lambda: any(each.address == address for each in self.announces(info_hash)),
            20,
            "announce to the UDP tracker",
        )

    def stop(self) -> None:
        self._stopped = True
        # Closing alone would not wake the thread that waits for a packet.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (TRACKER_ADDRESS, PORT))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._stopped:
            packet, source = self._socket.recvfrom(4096)
            answer = self._answer(packet, source[0])
            if answer:
                self._socket.sendto(answer, source)

    def _answer(self, packet: bytes, address: str) -> bytes | None:
        if len(packet) < 16:
            return None
        connection, action, transaction = struct.unpack_from(">QLL", packet)
        if action == _CONNECT and connection == _PROTOCOL:
            given = os.urandom(8)
            self._connections.add(given)
            return struct.pack(">LL", _CONNECT, transaction) + given
        if packet[:8] not in self._connections or action != _ANNOUNCE or len(packet) < 98:
            return struct.pack(">LL", _ERROR, transaction) + b"bad announce"
        info_hash = packet[16:36]
        left, event = struct.unpack_from(">64xQ8xL", packet)
        (port,) = struct.unpack_from(">H", packet, 96)
        me = (address, port)
        with self._lock:
            self._announces.append(Announce(info_hash, address, port, _EVENTS[event], left))
            swarm = self._swarms.setdefault(info_hash, set())
            if _EVENTS[event] == "stopped":
                swarm.discard(me)
            else:
                swarm.add(me)
            peers = b"".join(
                ipaddress.IPv4Address(host).packed + struct.pack(">H", port)
                for host, port in swarm
                if (host, port) != me
            )
        head = struct.pack(">LLLLL", _ANNOUNCE, transaction, self._interval, 0, len(peers) // 6)
        return head + peers
