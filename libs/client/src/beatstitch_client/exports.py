"""What the server writes of a song as a file: there as a whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Literal, Protocol

import grpc

from beatstitch.v1 import analysis_service_pb2 as analysis
from beatstitch.v1.analysis_service_pb2_grpc import AnalysisServiceStub
from beatstitch_client.connection import Backoff
from beatstitch_client.errors import translate

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable
    from pathlib import Path

    from google.protobuf.message import Message

    from beatstitch_client.connection import Connection


class _Part(Protocol):
    """A message of a stream that carries a file."""

    chunk: bytes


WaveformFile = Literal["dat", "json", "png"]

_FORMATS = {
    "dat": analysis.WAVEFORM_FORMAT_DAT_V2,
    "json": analysis.WAVEFORM_FORMAT_JSON,
    "png": analysis.WAVEFORM_FORMAT_PNG,
}


def waveform_request(
    asset_id: str, path: Path, kind: WaveformFile | None, samples_per_bin: int, width: int
) -> analysis.ExportWaveformRequest:
    """What to ask for.

    Raises:
        ValueError: Neither a kind nor a file name that tells one.
    """
    name = kind or path.suffix.lower().removeprefix(".")
    if name not in _FORMATS:
        raise ValueError(f"{path.name}: a waveform is written as .dat, .json or .png")
    return analysis.ExportWaveformRequest(
        asset_id=asset_id, format=_FORMATS[name], samples_per_bin=samples_per_bin, width=width
    )


async def export_waveform(
    connection: Connection, request: analysis.ExportWaveformRequest, path: Path
) -> Path:
    """See `AsyncClient.export_waveform`."""
    return await _save(
        connection, AnalysisServiceStub(connection.channel).ExportWaveform, request, path
    )


async def save_proof(
    connection: Connection, request: analysis.RenderBeatProofRequest, path: Path
) -> Path:
    """See `AsyncClient.beat_proof`."""
    return await _save(
        connection, AnalysisServiceStub(connection.channel).RenderBeatProof, request, path
    )


async def _save(
    connection: Connection,
    method: Callable[..., AsyncIterable[_Part]],
    request: Message,
    path: Path,
) -> Path:
    """Collects a stream of chunks; from its beginning again while the server is away."""
    backoff = Backoff(connection.retry_s)
    while True:
        data = bytearray()
        try:
            async for reply in method(request, metadata=connection.metadata):
                data += reply.chunk
            break
        except grpc.aio.AioRpcError as error:
            await backoff.wait(translate(error))
    await asyncio.to_thread(_replace, path, bytes(data))
    return path


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
