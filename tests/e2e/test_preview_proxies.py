"""Previews are made of proxies, finals of the clips; every frame of both is the right one."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from support.proof import rendered

from beatstitch.v1 import edl_pb2, timeline_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.keys import tenant_prefix
from beatstitch_core.timebase import rate_fraction
from beatstitch_runtime.settings import ServiceSettings
from beatstitch_runtime.storage import Storage
from beatstitch_samples import coded_variant, compose, read_codes

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.v1.edl_pb2 import Edl, Segment
    from beatstitch_client import Client
    from beatstitch_samples import CodedClip
    from beatstitch_stack import System

LARGE = {"size": (1600, 900)}
CLIPS = {
    "bframes": LARGE,
    "open_gop": LARGE,
    "vfr": LARGE,
    "rotated_90": {"size": (900, 1600)},
    "rotated_270": LARGE,
    "edit_list": LARGE,
    "ts": LARGE,
    "mkv": LARGE,
    "fps_23_976": LARGE,
    # Its proxy is for its rare key frames.
    "long_gop": {},
    # Has none.
    "plain": {},
}
WITH_PROXY = len(CLIPS) - 1
GRACE = Fraction(1, 1000)


class Project:
    """A timeline of clips of all kinds."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.id = client.create_project("previews of proxies").id
        song = client.upload(self.id, compose(bars=7, bpm=120.0).write(folder / "previews.mp3"))
        jobs, self.clips = [song.job.id], {}
        for number, (name, changes) in enumerate(CLIPS.items()):
            clip = coded_variant(folder, name, source_id=300 + number, **changes)
            upload = client.upload(self.id, clip.path)
            self.clips[upload.asset.id] = clip
            jobs.append(upload.job.id)
        for job in jobs:
            client.wait_job(job)
        settings = TimelineSettings(
            beats_per_cut=1,
            output=OutputFormat(width=1280, height=720),
            fit=edl_pb2.FIT_CONTAIN,
            image_motion=timeline_pb2.IMAGE_MOTION_STILL,
        )
        client.wait_job(client.generate_timeline(self.id, settings).id)
        timeline = client.get_timeline(self.id)
        self.edl, self.edl_hash = timeline.edl, timeline.edl_hash

    def plan(self, profile: str) -> list[str]:
        reply = self.client.plan_render(self.id, self.edl_hash, profile)
        return [chunk.chunk_hash for chunk in reply.chunks]

    def render(self, profile: str, folder: Path) -> list[str]:
        """Renders, reads every frame, and says what pieces it was made of."""
        render = rendered(self.client, self.id, self.edl_hash, profile)
        assert render.sync_report.worst_cut_error_frames == 0
        video = self.client.download(render.id, folder / f"{render.id}.mp4")
        assert wrong_frames(video, self.edl, self.clips) == []
        return [chunk.chunk_hash for chunk in render.manifest.chunks]


def wrong_frames(video: Path, edl: Edl, clips: dict[str, CodedClip]) -> list[str]:
    """The frames that don't show what the EDL asks for, and how."""
    readings = read_codes(video)
    assert len(readings) == edl.segments[-1].timeline_out_frame
    fps = rate_fraction(edl.output.frame_rate)
    wrong = []
    for segment in edl.segments:
        clip = clips[segment.media_asset_id]
        for frame in range(segment.timeline_in_frame, segment.timeline_out_frame):
            wanted = (clip.source_id, frame_on_screen(clip, clip_time(segment, frame, fps)))
            if readings[frame].code != wanted:
                wrong.append(f"{clip.path.name} {frame}: {readings[frame].code}, not {wanted}")
    return wrong


def clip_time(segment: Segment, frame: int, fps: Fraction) -> Fraction:
    """Seconds in the clip; clips that are too short begin again."""
    start, end = (Fraction(us, 10**6) for us in (segment.source_in_us, segment.source_out_us))
    elapsed = (frame - segment.timeline_in_frame) / fps
    return start + max(Fraction(0), (elapsed + GRACE) % (end - start) - GRACE)


def frame_on_screen(clip: CodedClip, time: Fraction) -> int:
    begun = [
        number for number, at in zip(clip.frames, clip.times, strict=True) if at <= time + GRACE
    ]
    return begun[-1]


@pytest.fixture(scope="module")
def project(client: Client, media_dir: Path) -> Project:
    return Project(client, media_dir)


async def forget_proxies(system: System) -> int:
    """What a retention does: takes the tenant's proxies out of storage."""
    env = system.stack.env(database=False)
    names = ("nats_url", "s3_endpoint", "s3_bucket", "s3_access_key", "s3_secret_key")
    settings = ServiceSettings(**{name: env[f"BEATSTITCH_{name.upper()}"] for name in names})
    storage = Storage.from_settings(settings)
    keys = [key async for key, _ in storage.list(f"{tenant_prefix('default')}proxy/")]
    await storage.delete(keys)
    return len(keys)


@pytest.mark.slow
def test_previews_of_proxies_and_of_originals_show_the_same_frames(
    system: System, project: Project, tmp_path: Path
):
    kinds = {clip.path for clip in project.clips.values()}
    shown = {project.clips[segment.media_asset_id].path for segment in project.edl.segments}
    assert shown == kinds
    final = project.plan("final")
    of_proxies = project.plan("preview")
    assert project.render("preview", tmp_path) == of_proxies
    assert asyncio.run(forget_proxies(system)) >= WITH_PROXY
    # Now the plan names other pieces, and so does the preview, which is made of the clips.
    of_originals = project.plan("preview")
    assert not set(of_originals) & set(of_proxies)
    assert project.render("preview", tmp_path) == of_originals
    assert project.plan("final") == final
    assert project.render("final", tmp_path) == final
