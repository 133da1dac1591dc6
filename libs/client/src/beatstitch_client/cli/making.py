"""The steps of `beatstitch stitch`: upload, stitch, download."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from beatstitch.v1 import common_pb2, job_pb2
from beatstitch_client.cli.bringing import bring, left_run, megabytes
from beatstitch_client.cli.exits import UsageError
from beatstitch_client.cli.view import show_job
from beatstitch_client.errors import JobCancelledError, JobFailedError
from beatstitch_client.media_files import discover, media_type_of
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.job_states import is_terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from beatstitch.v1.analysis_service_pb2 import AnalysisSettings
    from beatstitch.v1.job_pb2 import Job, JobLane, StitchResult
    from beatstitch.v1.timeline_pb2 import TimelineSettings
    from beatstitch_client.aio import AsyncClient
    from beatstitch_client.cli.view import View
    from beatstitch_client.resuming import Ticket

CANCEL_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Order:
    """A video to make.

    Attributes:
        song: The song.
        media: Pictures and clips in the order to take them.
        output: Where the video goes.
        settings: How to cut.
        profile: Name of a render profile.
        analysis: How to look for beats; None for the upload's own analysis.
        skip_failed_media: Whether media that can't be read are left out.
        template_id: A template to lay the settings over; empty for none.
        lane: Which queue its jobs wait in.
    """

    song: Path
    media: Sequence[Path]
    output: Path
    settings: TimelineSettings
    profile: str
    analysis: AnalysisSettings | None = None
    skip_failed_media: bool = False
    template_id: str = ""
    lane: JobLane.ValueType = job_pb2.JOB_LANE_UNSPECIFIED


class Made(NamedTuple):
    """A finished video: where it is, and what the server says of it."""

    output: Path
    result: StitchResult


def collect(song: Path, media: Sequence[Path], output: Path) -> list[Path]:
    """The pictures and clips that the arguments stand for; checks what can be checked at once.

    Raises:
        UsageError: Something can't be what it is given as.
        FileNotFoundError: A path doesn't exist.
    """
    if not song.exists():
        raise FileNotFoundError(str(song))
    if media_type_of(song) in {common_pb2.MEDIA_TYPE_IMAGE, common_pb2.MEDIA_TYPE_VIDEO}:
        raise UsageError(f"the first argument is the song; {song.name} is a picture or a clip")
    found = [path for path in discover(media) if path.resolve() != song.resolve()]
    if not found:
        raise UsageError("there is no picture or clip in what you gave: name files or folders")
    unknown = [path.name for path in found if not media_type_of(path)]
    if unknown:
        raise UsageError(f"neither picture nor clip by its name: {', '.join(unknown[:5])}")
    if sound := [p.name for p in found if media_type_of(p) == common_pb2.MEDIA_TYPE_AUDIO]:
        raise UsageError(f"only one song fits; {sound[0]} is another one")
    if output.is_dir():
        raise UsageError(f"{output} is a folder: name the video's file with -o")
    if output.resolve() in {path.resolve() for path in (song, *found)}:
        raise UsageError(f"{output} is one of the inputs: it would be replaced")
    return found


async def make(client: AsyncClient, order: Order, view: View, place: str = "") -> Made:
    """Makes the video. When cancelled, cancels its job.

    Args:
        client: Of the server.
        order: What to make.
        view: Where it is shown.
        place: The server's address, under which a broken run is found again; empty for a server
            that ends with this run.

    Raises:
        BeatStitchError: Of any of its steps.
        UsageError: There is no such template; nothing has been uploaded.
    """
    if order.template_id:
        await check_template(client, order.template_id)
    paths = [order.song, *order.media]
    title = order.output.stem[:200] or "video"
    with left_run(place, title, paths) as run:
        project_id, uploads = await bring(client, run, title, paths, view)
        job = await begin(client, run, project_id, [item.asset.id for item in uploads], order)
        try:
            done = await follow(client, job, view)
        except (JobFailedError, JobCancelledError):
            run.done()  # another try begins anew
            raise
        await fetch(client, done.stitch.render.render_id, order.output, view)
        run.done()
    return Made(order.output, done.stitch)


async def begin(
    client: AsyncClient, run: Ticket, project_id: str, asset_ids: Sequence[str], order: Order
) -> Job:
    """The job: that of an earlier run that was broken off, or a new one.

    Its request_id follows from the run and from all that is asked for: the same command called
    again means the same job, other options mean another one.

    Args:
        client: Of the server.
        run: What an earlier run has left.
        project_id: Where.
        asset_ids: The song, then the media.
        order: What to make.
    """
    song_id, *media_ids = asset_ids
    asked = partial(
        client.stitch,
        project_id,
        order.settings,
        audio_asset_id=song_id,
        media_asset_ids=media_ids,
        profile=order.profile,
        skip_failed_media=order.skip_failed_media,
        analysis_settings=order.analysis,
        template_id=order.template_id,
        lane=order.lane,
    )
    if not run.lasting:
        return await asked()
    # Messages are written as text here, in the order of their fields.
    said = repr((asked.args, sorted(asked.keywords.items())))
    digest = hashlib.sha256(said.encode()).hexdigest()[:32]
    job = await asked(request_id=f"{run.request_id}-{digest}")
    if run.resumed:
        job = await client.get_job(job.id)  # the answer told how it was then
        if is_terminal(job.state) and job.state != job_pb2.JOB_STATE_SUCCEEDED:
            job = await asked()  # cancelled with its run, for example
    return job


async def check_template(client: AsyncClient, template_id: str) -> None:
    """Refuses a template that isn't there, before anything is sent."""
    known = [template.id for template in await client.list_templates()]
    if template_id not in known:
        raise UsageError(f"--template is one of {', '.join(known)}, not {template_id!r}")


async def follow(client: AsyncClient, job: Job, view: View) -> Job:
    """Shows a job until it has succeeded, and returns it; cancels it when cancelled itself.

    Raises:
        JobFailedError: It failed.
        JobCancelledError: Somebody else cancelled it.
    """
    try:
        return await client.wait_job(job.id, on_change=lambda change: show_job(view, change))
    except asyncio.CancelledError:
        with contextlib.suppress(BeatStitchError, TimeoutError):
            async with asyncio.timeout(CANCEL_TIMEOUT_S):
                await client.cancel_job(job.id)
        raise


async def fetch(client: AsyncClient, render_id: str, output: Path, view: View) -> None:
    """Downloads the video."""

    def show(count: int, total: int) -> None:
        view.stage(
            "download",
            job_pb2.JOB_STATE_RUNNING,
            min(99, 100 * count // max(total, 1)),
            f"{megabytes(count)} MB",
        )

    await client.download(render_id, output, on_bytes=show)
    view.stage("download", job_pb2.JOB_STATE_SUCCEEDED, 100)
