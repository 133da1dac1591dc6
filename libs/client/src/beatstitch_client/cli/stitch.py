"""`beatstitch stitch`: a song and media in, a video out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from beatstitch_client.cli.bringing import megabytes
from beatstitch_client.cli.making import Made, Order, collect, make
from beatstitch_client.cli.options import (
    AnalyzerName,
    FitName,
    LaneName,
    TransitionName,
    analysis_settings,
    known_profile,
    lane_of,
    timeline_settings,
)
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_or_own
from beatstitch_client.cli.view import open_view
from beatstitch_core.limits import DEFAULT_BEATS_PER_CUT
from beatstitch_core.profiles import FINAL

if TYPE_CHECKING:
    from typing import Any


@command
async def stitch(
    song: Annotated[
        Path, typer.Argument(metavar="SONG", help="The song: mp3, wav, flac, ogg, m4a, opus.")
    ],
    media: Annotated[
        list[Path],
        typer.Argument(
            metavar="MEDIA...",
            help="Pictures, clips, and folders of them, in the order to take them.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The video; replaced when it exists.")
    ] = Path("video.mp4"),
    *,
    template: Annotated[
        str,
        typer.Option(metavar="ID", help="Settings to start from, e.g. builtin/music-video."),
    ] = "",
    beats_per_cut: Annotated[
        int | None,
        typer.Option(
            "--beats-per-cut",
            min=1,
            max=64,
            help=f"A cut every so many beats; {DEFAULT_BEATS_PER_CUT} without a template.",
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Pixels, even; 1280 unless the profile has its own.")
    ] = None,
    height: Annotated[
        int | None, typer.Option(help="Pixels, even; 720 unless the profile has its own.")
    ] = None,
    fps: Annotated[
        str,
        typer.Option(metavar="N[/D]", help="Frames per second: 30, 30000/1001, 29.97. Else 30."),
    ] = "",
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="preview: quick and small; final: as it is to be; or a place to show it: "
            "youtube-1080p, instagram-reel, tiktok, …",
        ),
    ] = FINAL,
    transition: Annotated[
        TransitionName | None, typer.Option(help="How one picture becomes the next; cut.")
    ] = None,
    fit: Annotated[
        FitName | None,
        typer.Option(
            help="cover: fill the frame, which is how it is; contain: show all of the picture; "
            "blur: that, on itself blurred; focus: fill the frame around what matters."
        ),
    ] = None,
    analyzer: Annotated[AnalyzerName, typer.Option(help="Beat tracker.")] = AnalyzerName.AUTO,
    seed: Annotated[int, typer.Option(help="Another seed, other moves.")] = 0,
    skip_failed: Annotated[
        bool, typer.Option("--skip-failed", help="Leave out media that can't be read.")
    ] = False,
    lane: Annotated[
        LaneName | None,
        typer.Option(help="interactive: somebody waits; batch: nobody does. By the profile."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes a video of SONG and MEDIA whose cuts fall on the song's beats.

    Without --server (or BEATSTITCH_SERVER) the whole system is started for this run and ended after
    it. With it, the same command called again after a break sends only what is missing.
    """
    order = Order(
        song=song,
        media=collect(song, media, output),
        output=output,
        settings=timeline_settings(
            beats_per_cut=beats_per_cut,
            width=width,
            height=height,
            fps=fps,
            transition=transition,
            fit=fit,
            seed=seed,
        ),
        profile=known_profile(profile),
        template_id=template,
        analysis=analysis_settings(analyzer),
        skip_failed_media=skip_failed,
        lane=lane_of(lane),
    )
    async with server_or_own(server, api_key, tls=tls) as client:
        with open_view() as view:
            made = await make(client, order, view, place=server)
    print(json.dumps(as_dict(made)) if as_json else summary(made))


def as_dict(made: Made) -> dict[str, Any]:
    """What was made, for programs."""
    beats, timeline, render = made.result.analysis, made.result.timeline, made.result.render
    return {
        "output": str(made.output),
        "size_bytes": render.size_bytes,
        "sha256": render.sha256,
        "frame_count": render.frame_count,
        "project_id": made.result.project_id,
        "render_id": render.render_id,
        "edl_hash": render.edl_hash,
        "bpm": beats.bpm,
        "bpm_confidence": beats.bpm_confidence,
        "beat_count": beats.beat_count,
        "analyzer": beats.analyzer,
        "segment_count": timeline.segment_count,
        "cut_count": max(timeline.segment_count - 1, 0),
        "chunks_rendered": render.chunks_rendered,
        "chunks_cached": render.chunks_cached,
        "worst_cut_error_frames": render.worst_cut_error_frames,
    }


def summary(made: Made) -> str:
    """What was made, for people."""
    facts = as_dict(made)
    chunks = facts["chunks_rendered"] + facts["chunks_cached"]
    tracker = f"{facts['analyzer']}, confidence {facts['bpm_confidence']:.2f}"
    return "\n".join(
        (
            f"{made.output}: {megabytes(facts['size_bytes'])} MB, {facts['frame_count']} frames",
            f"beats:  {facts['bpm']:.2f} BPM, {facts['beat_count']} beats ({tracker})",
            f"cuts:   {facts['cut_count']}, worst error {facts['worst_cut_error_frames']} frames",
            f"chunks: {chunks}, {facts['chunks_cached']} of them cached",
        )
    )
