"""One file, read at any offset through libnfs itself, as Kodi and VLC read it."""

from __future__ import annotations

import ctypes
import ctypes.util
import os

from .processes import TestbedError

_VERSION = 3


def _library() -> ctypes.CDLL:
    found = ctypes.CDLL(ctypes.util.find_library("nfs") or "libnfs.so.13")
    pointer, number = ctypes.c_void_p, ctypes.c_uint64
    found.nfs_init_context.restype = pointer
    found.nfs_get_error.restype = ctypes.c_char_p
    for name, arguments in {
        "nfs_get_error": [pointer],
        "nfs_destroy_context": [pointer],
        "nfs_set_version": [pointer, ctypes.c_int],
        "nfs_mount": [pointer, ctypes.c_char_p, ctypes.c_char_p],
        "nfs_open": [pointer, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(pointer)],
        "nfs_pread": [pointer, pointer, number, number, pointer],
        "nfs_close": [pointer, pointer],
    }.items():
        getattr(found, name).argtypes = arguments
    return found


class LibnfsFile:
    """Ports come from rpcbind. Each of these has a connection of its own."""

    def __init__(self, address: str, export: str, path: str):
        self._nfs = _library()
        self._context = self._nfs.nfs_init_context()
        self._file = ctypes.c_void_p()
        self._buffer = ctypes.create_string_buffer(1)
        self._nfs.nfs_set_version(self._context, _VERSION)
        self._check(self._nfs.nfs_mount(self._context, address.encode(), export.encode()))
        name, handle = f"/{path}".encode(), ctypes.byref(self._file)
        self._check(self._nfs.nfs_open(self._context, name, os.O_RDONLY, handle))

    def read(self, offset: int, count: int) -> bytes:
        """Fewer bytes than asked for only at the end of the file."""
        if len(self._buffer) < count:
            self._buffer = ctypes.create_string_buffer(count)
        arguments = [self._context, self._file, offset, count, self._buffer]
        got = self._check(self._nfs.nfs_pread(*arguments))
        return self._buffer.raw[:got]

    def close(self) -> None:
        self._nfs.nfs_close(self._context, self._file)
        self._nfs.nfs_destroy_context(self._context)

    def _check(self, status: int) -> int:
        if status < 0:
            message = self._nfs.nfs_get_error(self._context)
            raise TestbedError(f"libnfs: {(message or b'').decode(errors='replace')}")
        return status
