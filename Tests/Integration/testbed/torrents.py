"""Torrents and the files behind them, made on the spot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import libtorrent

from . import content


@dataclass(frozen=True)
class TorrentFile:
    path: str
    """Relative to the torrent's directory, or the name of a single-file torrent."""
    size: int
    sha256: str


@dataclass(frozen=True)
class Torrent:
    """A torrent whose content lies below `data`."""

    name: str
    metainfo: Path
    info_hash: bytes
    piece_length: int
    data: Path
    """The directory that holds `name`, as seeders want it."""
    files: tuple[TorrentFile, ...]
    single_file: bool
    version2_hash: bytes = b""
    """The SHA-256 of the info dictionary, of a v2 or hybrid torrent (BEP 52)."""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def magnet(self, *trackers: str) -> str:
        """A link that names the torrent by its hash alone."""
        parts = [f"xt=urn:btih:{self.info_hash.hex()}", f"dn={quote(self.name)}"]
        return "magnet:?" + "&".join(parts + [f"tr={quote(url, safe='')}" for url in trackers])

    def version2_magnet(self, *trackers: str, both: bool = False) -> str:
        """A link with the hash of v2, alone or beside that of v1."""
        parts = [f"xt=urn:btih:{self.info_hash.hex()}"] if both else []
        parts += [f"xt=urn:btmh:1220{self.version2_hash.hex()}"]
        return "magnet:?" + "&".join(parts + [f"tr={quote(url, safe='')}" for url in trackers])

    def content_path(self, file: TorrentFile) -> Path:
        return self.data / self.name if self.single_file else self.data / self.name / file.path

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the torrent's one long sequence of files."""
        parts = []
        for file in self.files:
            if offset < file.size and length > 0:
                with open(self.content_path(file), "rb") as source:
                    source.seek(offset)
                    part = source.read(min(length, file.size - offset))
                parts.append(part)
                length -= len(part)
                offset = 0
            else:
                offset -= min(offset, file.size)
        return b"".join(parts)


@dataclass(frozen=True)
class WebSeeds:
    """URLs of servers that have the files (BEP 19), and of programs that give pieces (BEP 17)."""

    files: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


def make_single_file(
    directory: Path,
    name: str,
    size: int,
    piece_length: int,
    trackers: list[list[str]],
    version: str = "v1",
    web_seeds: WebSeeds = WebSeeds(),
) -> Torrent:
    """`name` with `size` bytes; `trackers` are tiers (BEP 12)."""
    digest = content.write_file(directory / "data" / name, size, seed=name)
    files = (TorrentFile(name, size, digest),)
    return _make(
        directory, name, files, piece_length, trackers, version, web_seeds, single_file=True
    )


def make_directory(
    directory: Path,
    name: str,
    sizes: dict[str, int],
    piece_length: int,
    trackers: list[list[str]],
    version: str = "v1",
    web_seeds: WebSeeds = WebSeeds(),
) -> Torrent:
    """A torrent of several files: relative path to size in bytes."""
    for path, size in sizes.items():
        content.write_file(directory / "data" / name / path, size, seed=f"{name}/{path}")
    files = tuple(
        TorrentFile(path, size, content.sha256_of(directory / "data" / name / path))
        for path, size in sizes.items()
    )
    return _make(
        directory, name, files, piece_length, trackers, version, web_seeds, single_file=False
    )


def _make(
    directory: Path,
    name: str,
    files: tuple[TorrentFile, ...],
    piece_length: int,
    trackers: list[list[str]],
    version: str,
    web_seeds: WebSeeds,
    single_file: bool,
) -> Torrent:
    storage = libtorrent.file_storage()
    for file in files:
        storage.add_file(name if single_file else f"{name}/{file.path}", file.size)
    flags = {
        "v1": libtorrent.create_torrent.v1_only,
        "v2": libtorrent.create_torrent.v2_only,
        "hybrid": 0,
    }[version]
    creator = libtorrent.create_torrent(storage, piece_length, flags=flags)
    for tier, urls in enumerate(trackers):
        for url in urls:
            creator.add_tracker(url, tier)
    for url in web_seeds.files:
        creator.add_url_seed(url)
    for url in web_seeds.programs:
        creator.add_http_seed(url)
    libtorrent.set_piece_hashes(creator, str(directory / "data"))
    metainfo = directory / "metainfo" / f"{name}.torrent"
    metainfo.parent.mkdir(parents=True, exist_ok=True)
    metainfo.write_bytes(libtorrent.bencode(creator.generate()))
    info = libtorrent.torrent_info(str(metainfo))
    version2_hash = info.info_hashes().v2.to_bytes() if version != "v1" else b""
    info_hash = version2_hash[:20] if version == "v2" else info.info_hashes().v1.to_bytes()
    return Torrent(
        name,
        metainfo,
        info_hash,
        piece_length,
        directory / "data",
        files,
        single_file,
        version2_hash,
    )


def library_of_200_files() -> dict[str, int]:
    """Sizes around every block and piece boundary, empty files, folders, names that need care."""
    sizes = {
        "read me first.txt": 1234,
        "empty": 0,
        "Extras/Ünïcödé – 日本語 名前.txt": 40_001,
        "Extras/emoji 🎬 & ampersand's.nfo": 777,
        "Extras/deep/er/and deeper/still/last.bin": 300_007,
        "Extras/one byte": 1,
        "Extras/empty too.srt": 0,
        "100% #1 + more!.txt": 5000,
    }
    edges = [1, 511, 4095, 4096, 4097, 16383, 16384, 16385, 32768, 65535, 65536, 65537, 131073]
    for number in range(200 - len(sizes)):
        folder = f"Season {number % 7 + 1:02}"
        extra = 900_000 if number % 29 == 0 else 0
        sizes[f"{folder}/episode {number:03}.bin"] = edges[number % len(edges)] + number + extra
    return sizes
