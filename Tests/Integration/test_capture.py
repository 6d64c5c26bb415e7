"""A whole session as others see it: Wireshark finds nothing wrong in it."""

from __future__ import annotations

import struct
import sys
import time

from testbed.capture import Capture
from testbed.libnfs_client import LibnfsClient
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import REPOSITORY, Route

# Read, list and fail in all the ways there are.
_SESSION = """
ls -laR {where}; stat -f {where}; cat {where}/films/* > /dev/null
flock --shared {where}/films/{film} true
ls {where}/films/nothing; touch {where}/films/{film}; rm {where}/films/{film}; mkdir {where}/new
ln -s x {where}/link; mv {where}/films {where}/other; mkfifo {where}/fifo; ln {where}/films/{film} {where}/x
readlink {where}/films/{film}; chmod 600 {where}/films/{film}
true
"""
_PROCEDURES = {
    "nfs": {"GETATTR": 1, "LOOKUP": 3, "ACCESS": 4, "READ": 6, "READDIRPLUS": 17, "FSSTAT": 18,
            "FSINFO": 19, "PATHCONF": 20},
    "mount": {"MNT": 1, "UMNT": 3, "EXPORT": 5},
    "nlm": {"LOCK": 2, "UNLOCK": 4},
    "portmap": {},
}


class Captured(SceneTestCase):
    def test_a_whole_session_has_no_malformed_packet(self) -> None:
        films = [self.make_film(f"film {n}.mkv", 3 * MIB + n, 64 << 10) for n in range(2)]
        films.append(self.make_film("Amélie.mkv", 1))
        self.seed_by_libtorrent(*films)
        # The key is that of Tests/Fuzz, so that recorded handles are good there.
        settings = {"nfs": {"handle_key": bytes(range(16)).hex()}}
        server = self.serve(Route("films", films), Route("empty"), settings=settings)
        guest = self.scene.kernel_client
        capture = Capture(self.network, self.directory, [111, server.port])
        self.addCleanup(capture.stop)

        guest.run(f"showmount -e {server.address}; rpcinfo -p {server.address}")
        where = self.mount(server, options="vers=3,lock")
        guest.run(_SESSION.format(where=where, film=films[-1].name))
        guest.run(f"umount {where}")
        client = LibnfsClient(server.address, server.export)
        self.assertEqual(len(client.list("films")), 3)
        self.assertEqual(client.sha256("films/film 0.mkv"), films[0].files[0].sha256)
        time.sleep(0.5)
        capture.stop()

        if "--write-sessions" in sys.argv:
            write_corpus("nfs", capture.sent_records(server.port))
            write_corpus("portmapper", capture.sent_records(111))
        wrong = "_ws.malformed || _ws.expert.severity == error"
        self.assertEqual(capture.describe(wrong), "")
        for protocol, procedures in _PROCEDURES.items():
            # Of calls and replies, understood to the end.
            seen = capture.frames(f"{protocol} && !_ws.malformed", "rpc.msgtyp", "rpc.procedure")
            for kind in "01":
                known = {
                    number
                    for kinds, numbers in seen
                    if kind in kinds.split(",")
                    for number in numbers.split(",")
                }
                for name, number in procedures.items():
                    self.assertIn(str(number), known, f"{protocol} {name}, kind {kind}")
            self.assertGreater(len(seen), 1, protocol)


def write_corpus(name: str, records: list[bytes]) -> None:
    """One call of each kind and length, for Tests/Fuzz: program, version and procedure make a kind."""
    kinds = {(record[12:24], len(record)): record for record in records if len(record) >= 24}
    path = REPOSITORY / "Tests/Fuzz/Corpus" / f"{name}.rpc"
    path.parent.mkdir(exist_ok=True)
    marked = [struct.pack(">I", 0x80000000 | len(record)) + record for record in kinds.values()]
    path.write_bytes(b"".join(marked))
