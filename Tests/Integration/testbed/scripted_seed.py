"""A small BitTorrent seeder (BEP 3) whose faults are ours to choose."""

from __future__ import annotations

import random
import socket
import struct
import threading
from dataclasses import dataclass, field

from .network import Network
from .torrents import Torrent
from .tracker import Tracker

PORT = 6881
_PROTOCOL = b"\x13BitTorrent protocol"
_CHOKE, _UNCHOKE, _INTERESTED, _HAVE, _BITFIELD, _REQUEST, _PIECE = 0, 1, 2, 4, 5, 6, 7


@dataclass
class Tally:
    """What a scripted seed has done so far."""

    connections: int = 0
    open_connections: int = 0
    requests: int = 0
    blocks: int = 0
    bad_blocks: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **amounts: int) -> None:
        with self.lock:
            for name, amount in amounts.items():
                setattr(self, name, getattr(self, name) + amount)


class ScriptedSeed:
    """An honest seed of one torrent; subclasses misbehave. Announced to the tracker at once."""

    def __init__(self, network: Network, tracker: Tracker, torrent: Torrent):
        self.address = network.take_swarm_address()
        self.torrent = torrent
        self.tally = Tally()
        self._tracker = tracker
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server((self.address, PORT))
        tracker.add_peer(torrent.info_hash, self.address, PORT)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._tracker.remove_peer(self.address)
        for each in [self._listener, *self._connections]:
            # A bare close would leave the thread that waits in accept or recv waiting.
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def block(self, offset: int, length: int) -> bytes | None:
        """The answer to one request; `None` for none at all."""
        return self.torrent.read(offset, length)

    def speak(self, connection: socket.socket) -> None:
        """After both handshakes: bitfield, unchoke, then a block for every request."""
        pieces = -(-self.torrent.size // self.torrent.piece_length)
        field_bits = bytearray(-(-pieces // 8))
        for piece in range(pieces):
            field_bits[piece // 8] |= 0x80 >> piece % 8
        send_message(connection, _BITFIELD, bytes(field_bits))
        send_message(connection, _UNCHOKE)
        while True:
            kind, payload = receive_message(connection)
            if kind == _REQUEST:
                self._serve(connection, payload)

    def _serve(self, connection: socket.socket, payload: bytes) -> None:
        piece, begin, length = struct.unpack(">III", payload)
        self.tally.add(requests=1)
        data = self.block(piece * self.torrent.piece_length + begin, length)
        if data is not None:
            send_message(connection, _PIECE, struct.pack(">II", piece, begin) + data)
            self.tally.add(blocks=1)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        self._connections.add(connection)
        self.tally.add(connections=1, open_connections=1)
        try:
            receive_exactly(connection, 68)
            me = b"-SC0001-" + random.randbytes(12)
            connection.sendall(handshake(self.torrent.info_hash, me))
            self.speak(connection)
        except (OSError, EOFError):
            pass
        finally:
            self.tally.add(open_connections=-1)
            self._connections.discard(connection)
            connection.close()


class Liar(ScriptedSeed):
    """Corrupts one block in `every`."""

    every = 50

    def block(self, offset: int, length: int) -> bytes | None:
        data = super().block(offset, length)
        if self.tally.blocks % self.every == self.every - 1 and data:
            self.tally.add(bad_blocks=1)
            middle = len(data) // 2
            return data[:middle] + bytes([data[middle] ^ 0x40]) + data[middle + 1 :]
        return data


class Staller(ScriptedSeed):
    """Has everything, unchokes, and never sends a block."""

    def block(self, offset: int, length: int) -> bytes | None:
        return None


class BabblingSeed(ScriptedSeed):
    """Sends one kind of garbage after the handshakes, a different one each connection."""

    def speak(self, connection: socket.socket) -> None:
        generator = random.Random(self.tally.connections)
        garbage = [
            generator.randbytes(4096),
            struct.pack(">I", 0xFFFFFFFF) + b"\x07",
            struct.pack(">IB", 3, _HAVE) + b"\x00\x00",
            struct.pack(">IBI", 5, _HAVE, 0xFFFFFFF0),
            struct.pack(">IB", 2, _BITFIELD) + b"\xff",
            struct.pack(">IBII", 9 + 16384, _PIECE, 0, 0) + bytes(16384),
            struct.pack(">IBII", 9, _PIECE, 0xFFFFFFFF, 0xFFFFFFFF),
            struct.pack(">IB", 1, 20),
            struct.pack(">IBB", 12, 20, 0) + b"d1:md11:ut",
            struct.pack(">IB", 1, 250),
        ]
        connection.sendall(garbage[self.tally.connections % len(garbage)])
        self.tally.add(bad_blocks=1)
        while connection.recv(65536):
            pass


class WrongTorrentSeed(ScriptedSeed):
    """Answers every handshake for a torrent nobody asked for."""

    def _converse(self, connection: socket.socket) -> None:
        self.tally.add(connections=1)
        with connection:
            try:
                connection.sendall(handshake(random.randbytes(20), b"-SC0001-" + bytes(12)))
                connection.recv(68)
            except OSError:
                pass


def handshake(info_hash: bytes, peer_id: bytes) -> bytes:
    return _PROTOCOL + bytes(8) + info_hash + peer_id


def speaks_at(address: str, port: int, torrent: Torrent) -> bool:
    """Whether a peer there greets back: a session of libtorrent that has just begun hangs up."""
    try:
        with socket.create_connection((address, port), timeout=1) as connection:
            connection.sendall(handshake(torrent.info_hash, b"-SC0001-" + bytes(12)))
            return len(receive_exactly(connection, 69)) > 68
    except (OSError, EOFError):
        return False


def send_message(connection: socket.socket, kind: int, payload: bytes = b"") -> None:
    connection.sendall(struct.pack(">IB", 1 + len(payload), kind) + payload)


def receive_message(connection: socket.socket) -> tuple[int | None, bytes]:
    """The next message's kind (`None` for a keep-alive) and payload."""
    (length,) = struct.unpack(">I", receive_exactly(connection, 4))
    if length == 0:
        return None, b""
    body = receive_exactly(connection, length)
    return body[0], body[1:]


def receive_exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
