"""Stands between a client of NFS and the server, passes on everything, and times every READ.

What a reader of a mounted share notices is not how long a READ took, since the kernel reads ahead.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass

from .network import GUEST_GATEWAY
from .nfs_server import NFSServer
from .nfs_wire import NFS_PROGRAM, READ

_LAST_FRAGMENT = 0x80000000
_HEAD = 24
"""Bytes of a record that tell what it is: xid, kind, and of a call version, program, procedure."""


@dataclass(frozen=True)
class ReadTime:
    asked: float
    """On the clock of `time.monotonic`."""
    seconds: float


class CallObserver:
    """Listens on the server's side at the address that the kernel client knows."""

    def __init__(self, server: NFSServer):
        self._server = server
        self._waiting: dict[int, float] = {}
        self._reads: list[ReadTime] = []
        self._lock = threading.Lock()
        network = server.network
        self._listener = network.on_server_network(lambda: socket.create_server((GUEST_GATEWAY, 0)))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def reads(self) -> list[ReadTime]:
        """Those that were answered, in the order of the answers, and at the end those that wait."""
        with self._lock:
            now = time.monotonic()
            waiting = [ReadTime(asked, now - asked) for asked in self._waiting.values()]
            return self._reads + waiting

    def stop(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = self._server.connect().socket
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for way in ((client, server, self._see_call), (server, client, self._see_reply)):
                threading.Thread(target=_pass_on, args=way, daemon=True).start()

    def _see_call(self, head: bytes) -> None:
        xid, _, _, program, _, procedure = struct.unpack(">6I", head)
        if (program, procedure) == (NFS_PROGRAM, READ):
            with self._lock:
                self._waiting.setdefault(xid, time.monotonic())

    def _see_reply(self, head: bytes) -> None:
        (xid,) = struct.unpack_from(">I", head)
        with self._lock:
            asked = self._waiting.pop(xid, None)
            if asked is not None:
                self._reads.append(ReadTime(asked, time.monotonic() - asked))


class RecordHeads:
    """Finds the heads of the records of a stream (RFC 5531, section 11), however it is cut."""

    def __init__(self) -> None:
        self._mark = bytearray()
        self._left_of_fragment = 0
        self._ends_record = True
        self._head = bytearray()

    def take(self, data: bytes):
        """Yields each head once it is there."""
        at = 0
        while at < len(data):
            if self._left_of_fragment == 0:
                step = min(4 - len(self._mark), len(data) - at)
                self._mark += data[at : at + step]
                if len(self._mark) == 4:
                    self._begin_fragment()
            else:
                step = min(self._left_of_fragment, len(data) - at)
                self._left_of_fragment -= step
                lacking = _HEAD - len(self._head)
                if lacking > 0:
                    self._head += data[at : at + min(step, lacking)]
                    if len(self._head) == _HEAD:
                        yield bytes(self._head)
            at += step

    def _begin_fragment(self) -> None:
        if self._ends_record:
            self._head.clear()
        (mark,) = struct.unpack(">I", self._mark)
        self._left_of_fragment = mark & ~_LAST_FRAGMENT
        self._ends_record = bool(mark & _LAST_FRAGMENT)
        self._mark.clear()


def _pass_on(source: socket.socket, sink: socket.socket, see) -> None:
    """Until one of them ends."""
    heads = RecordHeads()
    try:
        while data := source.recv(1 << 18):
            for head in heads.take(data):
                see(head)
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
