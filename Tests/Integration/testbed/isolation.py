"""A network, mount and process namespace for a whole run: nothing gets out, nothing is left."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys

PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "rpcbind": "rpcbind",
}
_INSIDE = "SLUICE_TEST_NAMESPACE"


def missing(programs: dict[str, str]) -> list[str]:
    """What has to be installed or allowed first; `programs` maps each to its Debian package."""
    needed = {**PROGRAMS, **programs}
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    lacks = [
        f"{name} (package {package})"
        for name, package in needed.items()
        if not shutil.which(name, path=path)
    ]
    if importlib.util.find_spec("libtorrent") is None:
        lacks.append("libtorrent for /usr/bin/python3 (package python3-libtorrent)")
    if os.geteuid() != 0:
        lacks.append("root, for namespaces of its own")
    if not os.access("/dev/net/tun", os.W_OK):
        lacks.append("/dev/net/tun, for the network of the kernel client")
    return lacks


def inside() -> bool:
    return _INSIDE in os.environ


def enter() -> None:
    """Runs this program again in its namespaces; the kernel ends what it leaves behind."""
    if not inside():
        os.environ[_INSIDE] = "1"
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child"]
        command += ["--mount-proc", "--propagation", "private"]
        os.execvp("unshare", [*command, sys.executable, *sys.argv])
    # The first process of a namespace hears only the signals it handles.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
