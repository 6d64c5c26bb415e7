"""A real Linux kernel with its NFS client: a user-mode Linux guest, driven over its network.

The guest's root is this machine's file system, read-only; only `shared` can be written. Its agent
(`guest_agent.py`) connects back to the server side of the network and runs what it is told, several
commands at a time. Servers run outside and may be killed and restarted while the guest copies.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .network import GUEST_ADDRESS, GUEST_GATEWAY, TAP_DEVICE, Network
from .processes import Process, TestbedError, require_running

_AGENT_PORT = 7070
_MEMORY = "1536M"
_MODULES = [
    "net/sunrpc/sunrpc",
    "fs/nfs_common/grace",
    "fs/lockd/lockd",
    "fs/netfs/netfs",
    "fs/fscache/fscache",
    "fs/nfs_common/nfs_acl",
    "fs/nfs/nfs",
    "fs/nfs/nfsv3",
    "net/dns_resolver/dns_resolver",
    "fs/nfs/nfsv4",
]


@dataclass(frozen=True)
class Result:
    status: int
    output: str
    seconds: float
    """As measured in the guest."""


class GuestJob:
    """A shell command running in the guest."""

    def __init__(self, client: KernelClient, number: int, command: str):
        self._client = client
        self._number = number
        self.command = command

    def wait(self, timeout: float = 60) -> Result:
        return self._client._result(self._number, self.command, timeout)

    def ended(self) -> bool:
        return self._client._has_result(self._number)

    def kill(self) -> None:
        """SIGKILL for the command and all it started."""
        self._client._send({"kill": self._number})


class KernelClient:
    """One guest; boots in about 2 s."""

    def __init__(self, network: Network, directory: Path):
        self.shared = directory / "shared"
        self.shared.mkdir(parents=True)
        self._next = 0
        self._results: dict[int, Result] = {}
        self._changed = threading.Condition()
        listener = network.on_server_network(
            lambda: socket.create_server((GUEST_GATEWAY, _AGENT_PORT))
        )
        listener.settimeout(1)
        init = directory / "init"
        init.write_text(self._init_script())
        init.chmod(0o755)
        # The guest's memory is a file in TMPDIR: kept in memory where the machine allows it.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(directory)
        self._console = directory / "guest.log"
        self.process = Process(
            network.on_server_side(
                [
                    "linux.uml",
                    f"mem={_MEMORY}",
                    "root=/dev/root",
                    "rootfstype=hostfs",
                    "rootflags=/",
                    "ro",
                    f"init={init}",
                    f"uml_dir={directory}",
                    "con=null",
                    "con0=fd:0,fd:1",
                    "quiet",
                    f"vec0:transport=tap,ifname={TAP_DEVICE},depth=128,gro=1",
                ]
            ),
            self._console,
            environment={"TMPDIR": memory},
        )
        self._connection = self._await_agent(listener)
        listener.close()
        threading.Thread(target=self._receive, daemon=True).start()

    def run(self, command: str, timeout: float = 60, check: bool = True) -> Result:
        """Runs a shell command to its end; its output is stdout and stderr together."""
        result = self.start(command).wait(timeout)
        if check and result.status != 0:
            raise TestbedError(f"guest: {command}: status {result.status}\n{result.output}")
        return result

    def start(self, command: str) -> GuestJob:
        self._next += 1
        self._send({"run": command, "number": self._next})
        return GuestJob(self, self._next, command)

    def drop_caches(self) -> None:
        self.run("sync; echo 3 > /proc/sys/vm/drop_caches")

    def kernel_log(self) -> str:
        """What its kernel has said since the last call."""
        return self.run("dmesg --read-clear").output

    def shut_down(self) -> None:
        if self.process.exit_code is None:
            try:
                self._send({"power_off": True})
                self.process.wait(5)
            except (OSError, TestbedError):
                self.process.kill()

    def _send(self, message: dict) -> None:
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def _has_result(self, number: int) -> bool:
        with self._changed:
            return number in self._results

    def _result(self, number: int, command: str, timeout: float) -> Result:
        with self._changed:
            if not self._changed.wait_for(lambda: number in self._results, timeout):
                raise TestbedError(f"guest: {command}: no end after {timeout} s")
            return self._results[number]

    def _receive(self) -> None:
        for line in self._connection.makefile("rb"):
            reply = json.loads(line)
            with self._changed:
                self._results[reply["number"]] = Result(
                    reply["status"], reply["output"], reply["seconds"]
                )
                self._changed.notify_all()

    def _await_agent(self, listener: socket.socket) -> socket.socket:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            require_running(self.process)
            try:
                return listener.accept()[0]
            except TimeoutError:
                continue
        raise TestbedError(f"the guest never called back; see {self._console}")

    def _init_script(self) -> str:
        agent = Path(__file__).with_name("guest_agent.py")
        modules = " ".join(_MODULES)
        return f"""#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for directory in /run /mnt /var/lib/nfs; do
    mount -t tmpfs tmpfs $directory
done
mount -t hostfs none {self.shared} -o {self.shared}
mkdir -p /run/rpcbind /var/lib/nfs/sm /var/lib/nfs/sm.bak
for module in {modules}; do
    insmod /usr/lib/uml/modules/$(uname -r)/kernel/$module.ko
done
ip link set lo up
ip address add {GUEST_ADDRESS}/24 dev vec0
ip link set vec0 up
ip route add default via {GUEST_GATEWAY}
rpcbind
rpc.statd --no-notify
exec {shutil.which("python3", path="/usr/bin")} {agent} {GUEST_GATEWAY} {_AGENT_PORT}
"""
