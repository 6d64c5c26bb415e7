"""A film that is played from a mounted share goes on without a pause."""

from __future__ import annotations

from testbed import paced_playback
from testbed.scene import MIB, SceneTestCase
from testbed.sluice_server import Route


class Playing(SceneTestCase):
    def test_no_read_waits_where_the_swarm_has_half_as_much_again(self) -> None:
        film = self.make_film("film.mkv", 96 * MIB, piece_length=MIB)
        for _ in range(paced_playback.SEEDS):
            self.seed_by_libtorrent(film, torrent_upload_limit=paced_playback.SEED_RATE)
        server = self.serve(Route("films", [film]))
        playback = paced_playback.play(self.scene.kernel_client, server, film, seconds=30)
        self.scene.figures.append(
            f"playing at {paced_playback.RATE / 1e6} MB/s: the longest READ took"
            f" {playback.longest_read:.2f} s, the player waited {playback.longest_wait:.2f} s"
        )
        self.assertLess(playback.longest_read, paced_playback.LONGEST, playback.waits)
