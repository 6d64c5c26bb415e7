"""Mounting as a user types it, and what port 111 knows while the server runs."""

from __future__ import annotations

import json
import re
import subprocess
import time

from testbed.libnfs_client import LibnfsClient
from testbed.network import GUEST_ADDRESS, TRACKER_ADDRESS
from testbed.processes import TestbedError, wait_until
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route


class Mounting(SceneTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.film = self.make_film("film.mkv", 3 * MIB)
        self.seed_by_libtorrent(self.film)
        self.server = self.serve(Route("films", [self.film]))

    def test_mount_needs_no_version_and_no_port(self) -> None:
        guest = self.scene.kernel_client
        began = time.monotonic()
        where = self.mount(self.server, options="")
        # What is registered has to answer: a port that does not costs mount seconds of trying.
        self.assertLess(time.monotonic() - began, 2)
        self.assertRegex(guest.run(f"grep {where} /proc/mounts").output, r"vers=3.*proto=tcp")
        output = guest.run(f"sha256sum {where}/films/{self.film.name}").output
        self.assertTrue(output.startswith(self.film.files[0].sha256))
        guest.run(f"umount {where}")

    def test_a_directory_below_the_export_mounts_too(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server, path="/films")
        self.assertEqual(guest.run(f"ls {where}").output, f"{self.film.name}\n")

    def test_nothing_can_be_written(self) -> None:
        guest = self.scene.kernel_client
        where = self.mount(self.server)
        for command in [
            f"touch {where}/films/new",
            f"rm {where}/films/{self.film.name}",
            f"mkdir {where}/new",
            f"sh -c 'echo x >> {where}/films/{self.film.name}'",
        ]:
            result = guest.run(command, check=False)
            self.assertNotEqual(result.status, 0, command)
            # An append is refused by ACCESS, before anything is written.
            self.assertRegex(result.output, "Read-only file system|Permission denied", command)

    def test_showmount_names_the_export(self) -> None:
        output = self.scene.kernel_client.run(f"showmount -e {self.server.address}").output
        self.assertIn(self.server.export, output)

    def test_a_host_may_be_known_by_its_name(self) -> None:
        hosts = self.directory / "hosts"
        hosts.write_text(f"127.0.0.1 localhost\n{GUEST_ADDRESS} kodi.home.example\n")
        # The mount namespace is that of the tests: only what they start sees it.
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/etc/hosts"], check=True)
        exports = self.server.configuration.with_name("exports")
        exports.write_text(f"{self.server.export} *.home.example(ro)\n")
        self.server.reload()
        where = self.mount(self.server, options="")
        listed = self.scene.kernel_client.run(f"ls {where}/films").output
        self.assertEqual(listed, f"{self.film.name}\n")
        nameless = LibnfsClient(self.server.address, self.server.export, self.server.port)
        with self.assertRaisesRegex(TestbedError, "ACCES"):
            nameless.list("films")
        view = self.server.command("exports", "--as", GUEST_ADDRESS)
        self.assertRegex(view.stdout, rf"{self.server.export}\t\*\.home\.example\(ro,")
        self.assertEqual(self.server.command("exports", "--as", TRACKER_ADDRESS).returncode, 1)

    def test_the_program_mounts_with_the_options_that_suit(self) -> None:
        """As on the server's machine, which for the guest is the one with the server's address."""
        settings = json.loads(self.server.configuration.read_text())
        settings["nfs"]["address"] = self.server.address
        configuration = self.directory / "guest.yaml"
        configuration.write_text(json.dumps(settings))
        guest = self.scene.kernel_client
        where = "/mnt/by-itself"
        command = f"{self.server.arguments()[0]} mount {where} --config {configuration}"
        guest.run(f"mkdir -p {where}; {command}")
        self.addCleanup(lambda: guest.run(f"umount -f -l {where}", check=False))
        mounted = guest.run(f"grep {where} /proc/mounts").output
        for option in ["ro", "noatime", "vers=3", "rsize=1048576", "hard", "nconnect=2"]:
            self.assertRegex(mounted, rf"[ ,]{option}[ ,]")
        read_ahead = f"/sys/class/bdi/$(mountpoint -d {where})/read_ahead_kb"
        self.assertEqual(guest.run(f"cat {read_ahead}").output, "4096\n")
        output = guest.run(f"sha256sum {where}/films/{self.film.name}").output
        self.assertTrue(output.startswith(self.film.files[0].sha256))
        refused = guest.run(f"{command} --export /music", check=False)
        self.assertRegex(refused.output, "may not mount “/music”; it may mount /torrents")

    def test_ports_can_be_given_instead_of_rpcbind(self) -> None:
        client = LibnfsClient(self.server.address, self.server.export, self.server.port)
        self.assertEqual(client.list("films"), {self.film.name: self.film.size})

    def test_rpcbind_knows_the_server_while_it_runs(self) -> None:
        served = ["100003 3 tcp"]
        for transport in ["tcp", "udp"]:
            served += [f"{each} {transport}" for each in ("100005 3", "100005 1", "100021 4")]
        listed = self.registered()
        for each in served:
            self.assertRegex(listed, rf"(?m)^\s*{each} 2049\b".replace(" ", r"\s+"))
        self.server.terminate()
        self.assertNotRegex(self.registered(), r"(?m)^\s*(100003|100005|100021)\s")

    def test_an_rpcbind_that_was_started_again_is_told_again(self) -> None:
        self.scene.rpcbind.stop()
        self.scene.start_rpcbind()
        knows = lambda: re.search(r"(?m)^\s*100003\s+3\s+tcp\s+2049\b", self.registered())
        wait_until(knows, 30, "the new registration", interval=0.5)

    def registered(self) -> str:
        command = self.network.on_server_side(["rpcinfo", "-p", "127.0.0.1"])
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class WithoutRpcbind(SceneTestCase):
    """The server's own portmapper, which starts because nobody else is at port 111."""

    def setUp(self) -> None:
        super().setUp()
        self.film = self.make_film("film.mkv", 3 * MIB)
        self.seed_by_libtorrent(self.film)
        self.scene.rpcbind.stop()
        self.addCleanup(self.scene.start_rpcbind)
        self.server = self.serve(Route("films", [self.film]))

    def test_plain_mount_finds_the_ports(self) -> None:
        guest = self.scene.kernel_client
        began = time.monotonic()
        where = self.mount(self.server, options="")
        self.assertLess(time.monotonic() - began, 2)
        self.assertRegex(guest.run(f"grep {where} /proc/mounts").output, r"vers=3.*proto=tcp")
        output = guest.run(f"sha256sum {where}/films/{self.film.name}").output
        self.assertTrue(output.startswith(self.film.files[0].sha256))
        guest.run(f"umount {where}")

    def test_programs_that_look_for_shares_find_them(self) -> None:
        guest = self.scene.kernel_client
        where = self.server.address
        self.assertIn(self.server.export, guest.run(f"showmount -e {where}").output)
        listed = guest.run(f"rpcinfo -p {where}").output
        for line in [r"100000\s+4\s+udp\s+111", r"100003\s+3\s+tcp\s+2049", r"100005\s+3\s+udp"]:
            self.assertRegex(listed, line)
        # A call of the program where the portmapper says it is, by each transport.
        for transport in ["tcp", "udp"]:
            guest.run(f"rpcinfo -T {transport} {where} 100005 3")
        guest.run(f"rpcinfo -T tcp {where} 100003 3")
        client = LibnfsClient(where, self.server.export)
        self.assertEqual(client.list("films"), {self.film.name: self.film.size})
