"""Which files a folder brings in, in which order, and what they are by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from beatstitch.v1 import common_pb2
from beatstitch_client.media_files import discover, media_type_of, natural_key


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.MP3", common_pb2.MEDIA_TYPE_AUDIO),
        ("a.flac", common_pb2.MEDIA_TYPE_AUDIO),
        ("a.b.JPeG", common_pb2.MEDIA_TYPE_IMAGE),
        ("a.heic", common_pb2.MEDIA_TYPE_IMAGE),
        ("a.mov", common_pb2.MEDIA_TYPE_VIDEO),
        ("a.txt", common_pb2.MEDIA_TYPE_UNSPECIFIED),
        ("a", common_pb2.MEDIA_TYPE_UNSPECIFIED),
        (".mp3", common_pb2.MEDIA_TYPE_UNSPECIFIED),
    ],
)
def test_type_by_name(name: str, kind: int):
    assert media_type_of(Path(name)) == kind


def test_names_are_sorted_as_people_do():
    names = ["img10", "IMG2", "img1", "b", "a", "img2b", "1", "10", "9"]
    assert sorted(names, key=natural_key) == [
        "1", "9", "10", "a", "b", "img1", "IMG2", "img2b", "img10",
    ]  # fmt: skip


def test_a_folder_brings_its_pictures_and_clips(tmp_path: Path):
    for name in ("p10.jpg", "p2.png", ".hidden.jpg", "notes.txt", "song.mp3", "sub/p1.mp4"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    found = [path.relative_to(tmp_path).as_posix() for path in discover([tmp_path])]
    assert found == ["p2.png", "p10.jpg", "sub/p1.mp4"]


def test_files_keep_their_place_and_may_be_of_any_name(tmp_path: Path):
    for name in ("b.jpg", "a.jpg", ".odd"):
        (tmp_path / name).touch()
    wanted = [tmp_path / "b.jpg", tmp_path / ".odd", tmp_path / "a.jpg"]
    assert discover(wanted) == wanted


def test_a_path_that_is_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        discover([tmp_path / "missing.jpg"])
