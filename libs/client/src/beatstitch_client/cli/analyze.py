"""`beatstitch analyze`: what is heard in a song."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1 import common_pb2
from beatstitch_client.cli.making import follow
from beatstitch_client.cli.options import AnalyzerName, analysis_settings, grid_edits
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_or_own
from beatstitch_client.cli.view import open_view


@command
async def analyze(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="The song.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where the beat grid goes, as JSON.")
    ] = None,
    *,
    plot: Annotated[
        Path | None,
        typer.Option(help="Where a picture of shape, beats and sections goes, as PNG."),
    ] = None,
    proof: Annotated[
        Path | None,
        typer.Option(help="Where a film goes, as MP4: the song, a click and a flash on each beat."),
    ] = None,
    bpm: Annotated[float, typer.Option(help="Listen again for about this tempo.")] = 0.0,
    double: Annotated[bool, typer.Option("--double", help="A beat between each two.")] = False,
    halve: Annotated[bool, typer.Option("--halve", help="Every second beat.")] = False,
    half_beat: Annotated[
        bool, typer.Option("--half-beat", help="Move the beats by half a beat.")
    ] = False,
    analyzer: Annotated[AnalyzerName, typer.Option(help="Beat tracker.")] = AnalyzerName.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print the beat grid as JSON.")] = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Finds the beats of SONG."""
    if not song.exists():
        raise FileNotFoundError(str(song))
    settings = analysis_settings(analyzer)
    edits = grid_edits(bpm=bpm, double=double, halve=halve, half_beat=half_beat)
    async with server_or_own(server, api_key, tls=tls) as client:
        project = await client.create_project(song.stem[:200] or "song")
        with open_view() as view:
            upload = await client.upload(project.id, song, common_pb2.MEDIA_TYPE_AUDIO)
            await follow(client, upload.job, view)
            if settings is not None:
                again = await client.analyze_audio(upload.asset.id, settings)
                await follow(client, again, view)
        if edits:
            grid = (await client.edit_beat_grid(upload.asset.id, edits)).beat_grid
        else:
            grid = await client.get_beat_grid(upload.asset.id)
        if plot is not None:
            await client.export_waveform(upload.asset.id, plot, "png")
        if proof is not None:
            await client.beat_proof(upload.asset.id, proof)
    text = json.dumps(MessageToDict(grid, preserving_proto_field_name=True), indent=2)
    if output is not None:
        output.write_text(text + "\n", "utf-8")
    if as_json:
        print(text)
        return
    print(
        f"{grid.bpm:.2f} BPM (confidence {grid.bpm_confidence:.2f}), {len(grid.beats)} beats, "
        f"{grid.beats_per_bar} to a bar, {grid.duration_us / 1e6:.1f} s, {grid.analyzer}"
    )
    for warning in grid.warnings:
        print(f"{warning.code}: {warning.message}", file=sys.stderr)
