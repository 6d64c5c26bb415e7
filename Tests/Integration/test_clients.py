"""Who reads what, and who waits for what: `sluice clients` and the log."""

from __future__ import annotations

from testbed.network import GUEST_ADDRESS
from testbed.processes import wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route


class Clients(SceneTestCase):
    def test_the_table_tells_who_reads_and_who_waits_and_why(self) -> None:
        film = self.make_film("film.mkv", 8 * MIB)
        unseeded = self.make_film("nobody has it.mkv", MIB)
        self.seed_by_libtorrent(film)
        server = self.serve(Route("films", [film, unseeded]))
        self.assertEqual(server.clients(), [])
        guest = self.scene.kernel_client
        where = self.mount(server)
        guest.run(f"cat {where}/films/film.mkv > /dev/null")
        waiting = guest.start(f"cat '{where}/films/nobody has it.mkv'")
        self.addCleanup(waiting.kill)
        client = wait_until(
            lambda: next((each for each in server.clients() if each["waiting"]), None),
            10,
            "client that waits",
        )
        self.assertEqual(client["address"], GUEST_ADDRESS)
        self.assertEqual(client["mounts"], [server.export])
        self.assertGreaterEqual(client["connection_count"], 1)
        (read,) = client["reading"]
        self.assertEqual((read["path"], read["size"]), ("films/film.mkv", film.size))
        self.assertEqual(read["offset"], film.size)
        self.assertGreater(read["bytes_per_second"], 0)
        (wait,) = client["waiting"]
        self.assertEqual((wait["path"], wait["offset"]), ("films/nobody has it.mkv", 0))
        self.assertEqual(wait["reason"], "no_peers")
        table = server.command("clients").stdout
        self.assertRegex(table, rf"(?m)^{GUEST_ADDRESS}  {server.export}  1 connection")
        self.assertRegex(table, r"waits  films/nobody has it.mkv .*: no peer is connected")
        wait_until(lambda: "a read waits: no peer is connected" in server.log(), 10, "line of the log")

        waiting.kill()
        guest.run(f"umount {where}")
        # Its connection may stay until the READ is answered that nobody waits for any more.
        self.assertEqual([each["mounts"] for each in server.clients()], [[]])
