"""A program: TCP proxies, each of them the way to one peer, with a rate, a delay and a short queue.

Its argument is a JSON array of objects: `listen` and `peer` (address and port each), `rate` (bytes
a second from the peer, 0 for no limit) and `delay` (seconds each way). Prints `ready`, and then,
whenever they change, `delivered BYTES REPEATED`: the payload of the blocks that came out, and how
much of it was blocks that had come before, by whichever way. Blocks are seen only on connections
without encryption. Imports nothing of the test bed.
"""

import asyncio
import json
import socket
import struct
import sys
from collections import deque

_QUEUE_SECONDS = 0.1
_SHORTEST_QUEUE = 32 << 10
_RECEIVE_BUFFER = 32 << 10
_STEP_SECONDS = 0.005
_PIECE = 7


class Blocks:
    """Every block that was delivered, in order to know those that came twice."""

    def __init__(self):
        self._seen = set()
        self.delivered = 0
        self.repeated = 0

    def add(self, piece: int, begin: int, length: int) -> None:
        self.delivered += length
        if (piece, begin) in self._seen:
            self.repeated += length
        self._seen.add((piece, begin))


class MessageReader:
    """Follows what a peer sends, and takes note of its blocks once they are whole."""

    def __init__(self, blocks: Blocks):
        self._blocks = blocks
        self._head = bytearray()
        self._handshake = 68
        self._rest = 0
        self._block = None

    def take(self, data: bytes) -> None:
        at = min(self._handshake, len(data))
        self._handshake -= at
        while at < len(data):
            if self._rest:
                step = min(self._rest, len(data) - at)
                self._rest -= step
                at += step
            else:
                self._head.append(data[at])
                at += 1
                self._read_head()
            if not self._rest and self._block:
                self._blocks.add(*self._block)
                self._block = None

    def _read_head(self) -> None:
        if len(self._head) < 5:
            if self._head == b"\0\0\0\0":
                self._head.clear()
            return
        length, kind = struct.unpack_from(">IB", self._head)
        if kind == _PIECE and len(self._head) < 13:
            return
        if kind == _PIECE:
            piece, begin = struct.unpack_from(">II", self._head, 5)
            self._block = (piece, begin, length - 9)
        self._rest = length + 4 - len(self._head)
        self._head.clear()


class Way:
    """One direction: bytes leave the queue at `rate` and arrive `delay` later."""

    def __init__(self, rate: float, delay: float, reader: MessageReader | None):
        self._rate, self._delay, self._reader = rate, delay, reader
        self._step = max(1024, int(rate * _STEP_SECONDS)) if rate else 16 << 10
        self._room = max(_SHORTEST_QUEUE, int(rate * (delay + _QUEUE_SECONDS))) if rate else 1 << 20
        self._queue = deque()
        self._queued = 0
        self._free_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._timer = None
        self.source: asyncio.Transport | None = None
        self.sink: asyncio.Transport | None = None

    def take(self, data: bytes) -> None:
        for begin in range(0, len(data), self._step):
            part = data[begin : begin + self._step]
            self._free_at = max(self._free_at, self._loop.time())
            if self._rate:
                self._free_at += len(part) / self._rate
            self._queue.append((self._free_at + self._delay, part))
            self._queued += len(part)
        if self._queued > self._room and self.source.is_reading():
            self.source.pause_reading()
        self._schedule()

    def end(self) -> None:
        """The source has ended; what is on the way still arrives."""
        self._queue.append((max(self._free_at, self._loop.time()) + self._delay, None))
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._queue and self.sink is not None:
            self._timer = self._loop.call_at(self._queue[0][0], self._deliver)

    def _deliver(self) -> None:
        self._timer = None
        if self.sink.is_closing():
            self._queue.clear()
            self.source.close()
            return
        # A millisecond is as exactly as the loop wakes up.
        now = self._loop.time() + 0.001
        while self._queue and self._queue[0][0] <= now:
            part = self._queue.popleft()[1]
            if part is None:
                self.sink.close()
                return
            self._queued -= len(part)
            self.sink.write(part)
            if self._reader:
                self._reader.take(part)
        if self._queued <= self._room and not self.source.is_closing():
            self.source.resume_reading()
        self._schedule()


class End(asyncio.Protocol):
    """One end of a connection: what comes in here goes the way `out`."""

    def __init__(self, out: Way, back: Way):
        self._out, self._back = out, back

    def connection_made(self, transport) -> None:
        self._out.source = transport
        self._back.sink = transport
        self._back._schedule()

    def data_received(self, data: bytes) -> None:
        self._out.take(data)

    def connection_lost(self, error) -> None:
        self._out.end()


async def serve(path: dict, blocks: Blocks) -> None:
    loop = asyncio.get_running_loop()

    def accept() -> End:
        out = Way(0, path["delay"], None)
        back = Way(path["rate"], path["delay"], MessageReader(blocks))
        loop.create_task(connect(path["peer"], back, out))
        return End(out, back)

    await loop.create_server(accept, *path["listen"])


async def connect(peer: list, out: Way, back: Way) -> None:
    """A small buffer: what lies in it has been sent, as far as the peer knows."""
    loop = asyncio.get_running_loop()
    end = socket.socket()
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    end.setblocking(False)
    await loop.sock_connect(end, tuple(peer))
    await loop.create_connection(lambda: End(out, back), sock=end)


async def main(paths: list[dict]) -> None:
    blocks = Blocks()
    for path in paths:
        await serve(path, blocks)
    print("ready", flush=True)
    said = 0
    while True:
        await asyncio.sleep(0.2)
        if blocks.delivered != said:
            said = blocks.delivered
            print("delivered", blocks.delivered, blocks.repeated, flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
