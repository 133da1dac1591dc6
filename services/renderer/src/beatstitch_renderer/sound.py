"""The encoded song of a render: made once as a whole, found by its hash afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.keys import artefact_key
from beatstitch_media.audio import encode_song
from beatstitch_renderer.children.finish_child import SOUND

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch_renderer.cache import InputCache
    from beatstitch_runtime.jobs.worker import JobContext

SUFFIX = ".m4a"
_ENCODED = "song.m4a"
_TIMEOUT_S = 600.0


async def bring_sound(
    context: JobContext, cache: InputCache, edl: Edl, plan: RenderPlan, folder: Path
) -> bool:
    """Brings the encoded song to `folder`; encodes and stores it when nobody did before.

    Returns:
        Whether it was found.

    Raises:
        BeatStitchError: INPUT_CORRUPT naming the song; storage's and the sandbox's errors.
    """
    key = artefact_key(context.spec.key_prefix, "audio", plan.audio_hash, SUFFIX)
    if await context.storage.exists(key):
        await context.storage.fetch(ObjectRef(key=key), folder / SOUND)
        return True
    # A folder of its own: the child that reads a stranger's song sees nothing else of the render.
    room = folder / "encoding"
    room.mkdir()
    source = room / "source"
    await cache.fetch(context.storage, context.spec.render.audio.object, source)
    await encode_song(
        source,
        room / _ENCODED,
        work_dir=room,
        offset_us=edl.audio.offset_us,
        duration_us=edl.audio.duration_us,
        bit_rate=plan.profile.audio_bit_rate,
        timeout_s=_TIMEOUT_S,
    )
    await context.storage.put_file(key, room / _ENCODED)
    (room / _ENCODED).rename(folder / SOUND)
    return False
