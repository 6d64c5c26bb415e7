"""Sluice with the clients that people use, each as seeder and as leecher, in every way both speak.

`SLUICE_INTEROP` in the environment restricts it to the cells whose names (`row/client/role`) contain
one of its parts, separated by commas.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from testbed.interop.bed import Bed
from testbed.interop.cells import Outcome
from testbed.interop.matrix import Matrix
from testbed.interop.rows import ROWS
from testbed.scene import SceneTestCase
from testbed.sluice_server import REPOSITORY

_PAGE = REPOSITORY / "docs" / "interop.md"
_BEGIN = "<!-- Written by `Tests/Integration/run test_interop --write-interop`. -->\n"


class Interoperability(SceneTestCase):
    def test_every_client_in_every_way(self) -> None:
        names = [name for name in os.environ.get("SLUICE_INTEROP", "").split(",") if name]
        matrix = Matrix(names)
        bed = Bed(self.directory, self.scene.local_network, self.tracker)
        self.addCleanup(bed.close)
        failures: dict[str, Outcome] = {}

        def report(name: str, outcome: Outcome) -> None:
            took = f"{outcome.seconds:6.1f} s {outcome.server_cpu_seconds:6.2f} s of processor"
            print(f"      {name:48} {'FAILED' if outcome.failure else took}", flush=True)
            if outcome.failure:
                failures[name] = outcome

        matrix.run(bed, report)
        table = matrix.table()
        self.scene.figures += table.splitlines()
        for name, outcome in failures.items():
            with self.subTest(name):
                self.fail(outcome.failure)
        if not names:
            self.compare(table)

    def compare(self, table: str) -> None:
        page = _page(table)
        if "--write-interop" in sys.argv:
            _PAGE.write_text(page)
        self.assertEqual(
            _PAGE.read_text(), page, f"{_PAGE.name} says something else; see its first line"
        )


def _page(table: str) -> str:
    rows = "\n".join(f"- **{row.name}**: {row.explanation}" for row in ROWS)
    return f"""{_BEGIN}# Interoperability

Every check runs Sluice against the clients that Debian 12 ships: each on a host of its own, one
torrent, and one way to find each other and to transfer it. A cell says *yes* if every byte arrived.

{table}
What a row is:

{rows}
"""
