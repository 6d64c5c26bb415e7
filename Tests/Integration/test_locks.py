"""Locks through the kernel's client, on a mount without `nolock`."""

from __future__ import annotations

from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route

# Takes a lock of POSIX, says so, and keeps it for a while.
_HOLD = """
import fcntl, os, sys, time
file = os.open(sys.argv[1], os.O_RDONLY)
fcntl.lockf(file, fcntl.LOCK_SH, int(sys.argv[3]), int(sys.argv[2]))
print("held", flush=True)
time.sleep(float(sys.argv[4]))
"""


class Locks(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.film = self.make_film("film.mkv", 1 * MIB)
        self.seed_by_libtorrent(self.film)
        self.server = self.serve(Route("films", [self.film]))
        self.guest = self.scene.kernel_client
        where = self.mount(self.server, options="vers=3,lock")
        self.path = f"{where}/films/{self.film.name}"

    def test_media_programs_may_lock_what_they_read(self) -> None:
        self.assertIn("local_lock=none", self.guest.run("cat /proc/mounts").output)
        self.guest.run(f"cat > /run/hold.py <<'END'\n{_HOLD}\nEND")
        hold = f"/usr/bin/python3 /run/hold.py {self.path}"
        # Two readers at a time, then one again after both have let go.
        output = self.guest.run(f"{hold} 0 0 1 & {hold} 100 10 0; wait").output
        self.assertEqual(output.count("held"), 2)
        self.assertIn("held", self.guest.run(f"{hold} 0 0 0").output)
        # Of a lock that is asked for by flock(2), Linux makes one of POSIX over the whole file.
        self.guest.run(f"flock --shared {self.path} true")
        self.assert_stays_up(self.server)
