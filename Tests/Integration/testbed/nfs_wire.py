"""NFSv3 and MOUNT v3 on one TCP connection, call by call (RFC 5531, RFC 1813)."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

NFS_PROGRAM, MOUNT_PROGRAM = 100003, 100005
OK, NOENT, IO_ERROR, STALE, BADHANDLE, JUKEBOX = 0, 2, 5, 70, 10001, 10008
NULL, GETATTR, LOOKUP, READ, READDIR = 0, 1, 3, 6, 16
_LAST_FRAGMENT = 0x80000000


class RPCError(Exception):
    """The call was rejected before any procedure saw it."""


class NFSError(Exception):
    def __init__(self, procedure: str, status: int):
        super().__init__(f"{procedure}: nfsstat3 {status}")
        self.status = status


@dataclass(frozen=True)
class ReadReply:
    status: int
    data: bytes
    eof: bool
    seconds: float


@dataclass(frozen=True)
class DirectoryEntry:
    fileid: int
    name: str
    cookie: int


class XDRReader:
    def __init__(self, data: bytes):
        self._data = data
        self._offset = 0

    def uint32(self) -> int:
        (value,) = struct.unpack_from(">I", self._data, self._offset)
        self._offset += 4
        return value

    def uint64(self) -> int:
        return self.uint32() << 32 | self.uint32()

    def opaque(self) -> bytes:
        length = self.uint32()
        data = self._data[self._offset : self._offset + length]
        self._offset += (length + 3) & ~3
        return data

    def attributes(self) -> dict[str, int]:
        names = ["type", "mode", "nlink", "uid", "gid"]
        values = {name: self.uint32() for name in names}
        values["size"], values["used"] = self.uint64(), self.uint64()
        self.uint64()
        values["fsid"], values["fileid"] = self.uint64(), self.uint64()
        for name in ["atime", "mtime", "ctime"]:
            values[name] = self.uint64()
        return values

    def optional_attributes(self) -> dict[str, int] | None:
        return self.attributes() if self.uint32() else None


def opaque(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def call_message(xid: int, program: int, version: int, procedure: int, body: bytes) -> bytes:
    """A call with an AUTH_SYS credential of root, record mark included."""
    credential = struct.pack(">I", 0) + opaque(b"testbed") + struct.pack(">III", 0, 0, 0)
    message = (
        struct.pack(">IIIIIII", xid, 0, 2, program, version, procedure, 1)
        + opaque(credential)
        + struct.pack(">II", 0, 0)
        + body
    )
    return struct.pack(">I", _LAST_FRAGMENT | len(message)) + message


class NFSConnection:
    """Many calls may be outstanding; replies are kept until asked for."""

    def __init__(self, address: str, port: int, timeout: float = 10):
        self.socket = socket.create_connection((address, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._xid = int(time.monotonic() * 1000) & 0xFFFFFF
        self._buffer = bytearray()
        self._replies: dict[int, bytes] = {}

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> NFSConnection:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def send(self, program: int, procedure: int, body: bytes = b"", version: int = 3) -> int:
        """Sends a call and returns its xid."""
        self._xid += 1
        self.socket.sendall(call_message(self._xid, program, version, procedure, body))
        return self._xid

    def reply(self, xid: int, timeout: float = 10) -> XDRReader:
        """The results of call `xid`; raises `TimeoutError` when they do not come."""
        deadline = time.monotonic() + timeout
        while xid not in self._replies:
            self._receive(deadline)
        reader = XDRReader(self._replies.pop(xid))
        if reader.uint32() != 0:
            raise RPCError("denied")
        reader.uint32()
        reader.opaque()
        accept_status = reader.uint32()
        if accept_status != 0:
            raise RPCError(f"accept_stat {accept_status}")
        return reader

    def call(
        self, program: int, procedure: int, body: bytes = b"", timeout: float = 10
    ) -> XDRReader:
        return self.reply(self.send(program, procedure, body), timeout)

    def null(self) -> None:
        self.call(NFS_PROGRAM, NULL)

    def mount(self, path: str) -> bytes:
        """The root handle of an export or of a directory below it."""
        reader = self.call(MOUNT_PROGRAM, 1, opaque(path.encode()))
        _require_ok("MNT", reader)
        return reader.opaque()

    def lookup(self, directory: bytes, name: str) -> bytes:
        reader = self.call(NFS_PROGRAM, LOOKUP, opaque(directory) + opaque(name.encode()))
        _require_ok("LOOKUP", reader)
        return reader.opaque()

    def walk(self, directory: bytes, path: str) -> bytes:
        for name in path.split("/"):
            directory = self.lookup(directory, name)
        return directory

    def attributes(self, handle: bytes) -> dict[str, int]:
        reader = self.call(NFS_PROGRAM, GETATTR, opaque(handle))
        _require_ok("GETATTR", reader)
        return reader.attributes()

    def list(self, directory: bytes, count: int = 8192, meanwhile=None) -> list[DirectoryEntry]:
        """Everything in it but itself and what is above, `count` bytes of READDIR at a time.

        `meanwhile` is called between two of them, with the number of those that came.
        """
        entries: list[DirectoryEntry] = []
        cookie, verifier, pages = 0, 0, 0
        while True:
            body = opaque(directory) + struct.pack(">QQI", cookie, verifier, count)
            reader = self.call(NFS_PROGRAM, READDIR, body, timeout=60)
            _require_ok("READDIR", reader)
            reader.optional_attributes()
            verifier = reader.uint64()
            while reader.uint32():
                fileid, name, cookie = reader.uint64(), reader.opaque(), reader.uint64()
                entries.append(DirectoryEntry(fileid, name.decode(), cookie))
            if reader.uint32():
                return [each for each in entries if each.name not in (".", "..")]
            pages += 1
            if meanwhile:
                meanwhile(pages)

    def send_read(self, handle: bytes, offset: int, count: int) -> int:
        return self.send(NFS_PROGRAM, READ, opaque(handle) + struct.pack(">QI", offset, count))

    def read(self, handle: bytes, offset: int, count: int, timeout: float = 60) -> ReadReply:
        began = time.monotonic()
        xid = self.send_read(handle, offset, count)
        return self.read_reply(xid, began, timeout)

    def read_reply(self, xid: int, began: float, timeout: float = 60) -> ReadReply:
        reader = self.reply(xid, timeout)
        seconds = time.monotonic() - began
        status = reader.uint32()
        reader.optional_attributes()
        if status != OK:
            return ReadReply(status, b"", False, seconds)
        count, eof = reader.uint32(), reader.uint32() != 0
        data = reader.opaque()
        assert len(data) == count, "READ count differs from the length of its data"
        assert count > 0 or eof, "READ of 0 bytes without eof"
        return ReadReply(status, data, eof, seconds)

    def read_range(self, handle: bytes, offset: int, length: int, timeout: float = 60) -> bytes:
        """Reads on after short replies until `length` bytes are there."""
        data = bytearray()
        deadline = time.monotonic() + timeout
        while len(data) < length:
            part = self.read(
                handle,
                offset + len(data),
                min(1 << 20, length - len(data)),
                deadline - time.monotonic(),
            )
            if part.status == JUKEBOX:
                continue
            if part.status != OK:
                raise NFSError("READ", part.status)
            data += part.data
            if part.eof:
                break
        return bytes(data)

    def _receive(self, deadline: float) -> None:
        """Takes one whole record off the connection."""
        record = bytearray()
        while True:
            (mark,) = struct.unpack(">I", self._take(4, deadline))
            record += self._take(mark & ~_LAST_FRAGMENT, deadline)
            if mark & _LAST_FRAGMENT:
                break
        xid, kind = struct.unpack_from(">II", record)
        assert kind == 1, "a server sends replies only"
        self._replies[xid] = bytes(record[8:])

    def _take(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("no reply in time")
            self.socket.settimeout(remaining)
            part = self.socket.recv(1 << 20)
            if not part:
                raise EOFError("the server closed the connection")
            self._buffer += part
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data


def _require_ok(procedure: str, reader: XDRReader) -> None:
    status = reader.uint32()
    if status != OK:
        raise NFSError(procedure, status)
