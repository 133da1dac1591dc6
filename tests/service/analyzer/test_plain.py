"""Clips that a small 8-bit copy would betray have none."""

from __future__ import annotations

import subprocess

import pytest

from beatstitch_analyzer.clips.plain import is_plain
from beatstitch_media.binaries import ffmpeg
from beatstitch_media.sniff import sniff

SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=160x96:r=25:d=0.4")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
DEEP = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le")
WIDE = "colorprim=bt2020:colormatrix=bt2020nc:transfer="
CASES = {
    "plain": ("p.mp4", X264, True),
    "deep": ("d.mp4", DEEP, True),
    "pq": ("h.mp4", (*DEEP, "-x265-params", f"{WIDE}smpte2084"), False),
    "hlg": ("g.mp4", (*DEEP, "-x265-params", f"{WIDE}arib-std-b67"), False),
    "wide": ("w.mp4", (*DEEP, "-x265-params", f"{WIDE}bt2020-10"), False),
    "interlaced": ("i.mkv", ("-vf", "setfield=tff", *X264, "-flags", "+ildct+ilme"), False),
    "transparent": (
        "a.webm",
        ("-vf", "format=yuva420p", "-c:v", "libvpx-vp9", "-auto-alt-ref", "0"),
        False,
    ),
    "opaque": ("o.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p"), True),
}


def run(*args) -> None:
    subprocess.run([str(ffmpeg()), "-v", "error", "-y", *map(str, args)], check=True, timeout=60)


@pytest.mark.parametrize("case", CASES)
def test_what_a_proxy_can_keep(tmp_path, case):
    name, flags, wanted = CASES[case]
    path = tmp_path / name
    run(*SOURCE, *flags, path)
    assert is_plain(path, sniff(path).demuxer) is wanted


@pytest.mark.parametrize(("flags", "wanted"), [(("-display_hflip",), False), ((), True)])
def test_mirrors(tmp_path, flags, wanted):
    run(*SOURCE, *X264, tmp_path / "p.mp4")
    path = tmp_path / "m.mp4"
    run("-display_rotation", "90", *flags, "-i", tmp_path / "p.mp4", "-c", "copy", path)
    assert is_plain(path, "mov") is wanted
