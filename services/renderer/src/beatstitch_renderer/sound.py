"""The encoded sound of a render: made once as a whole, found by its hash afterwards.

A plain song is encoded straight from its file. With fades, clips that are heard or a loudness to
reach it is mixed as samples first: song and clips are decoded each in a child that sees nothing but
the one file, the mix is made of their samples, measured, turned by one gain and encoded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch_core.errors import BeatStitchError
from beatstitch_core.keys import artefact_key
from beatstitch_media import sandbox
from beatstitch_media.audio import SONG_BIT_RATE, SoundCodec, encode_song
from beatstitch_media.mastering import (
    decode_song,
    encode_mix,
    gain_cb,
    limit_mix,
    limited_cb,
    measure_mix,
)
from beatstitch_renderer.children.finish_child import SOUND
from beatstitch_renderer.children.mix_child import MIX, SONG
from beatstitch_renderer.planning.encoding import has_sound, sound_codec
from beatstitch_renderer.planning.soundtrack import heard, is_heard, needed, sound_facts

if TYPE_CHECKING:
    from pathlib import Path

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.internal.v1.render_plan_pb2 import RenderPlan
    from beatstitch.v1.edl_pb2 import Edl
    from beatstitch_renderer.cache import InputCache
    from beatstitch_runtime.jobs.worker import JobContext

_SUFFIXES = {SoundCodec.AAC: ".m4a", SoundCodec.OPUS: ".weba", SoundCodec.PCM: ".mov"}
_SOURCE = "source"
_ENCODED = "encoded"
_LIMITED = "limited.f32"
_TIMEOUT_S = 600.0
_CLIP_CHILD = "beatstitch_renderer.children.clip_sound_child"
_MIX_CHILD = "beatstitch_renderer.children.mix_child"


async def bring_sound(
    context: JobContext, cache: InputCache, edl: Edl, plan: RenderPlan, folder: Path
) -> bool:
    """Brings the encoded sound to `folder`; encodes and stores it when nobody did before.

    Returns:
        Whether it was found, or isn't needed.

    Raises:
        BeatStitchError: INPUT_CORRUPT naming the song or a clip; storage's and the sandbox's
            errors.
    """
    if not has_sound(plan.profile):
        return True
    codec = sound_codec(plan.profile)
    key = artefact_key(context.spec.key_prefix, "audio", plan.audio_hash, _SUFFIXES[codec])
    if await context.storage.use_many([key]):
        await context.storage.fetch(ObjectRef(key=key), folder / SOUND)
        return True
    making = _Making(context, cache, edl, plan, folder)
    plain = not sound_facts(edl) and not plan.profile.loudness_target
    encoded = await (making.plain() if plain else making.mixed())
    await context.storage.put_file(key, encoded)
    encoded.rename(folder / SOUND)
    return False


class _Making:
    """One sound on its way. Each child has a room of its own in the render's folder."""

    def __init__(
        self, context: JobContext, cache: InputCache, edl: Edl, plan: RenderPlan, folder: Path
    ) -> None:
        self._context, self._cache, self._edl, self._folder = context, cache, edl, folder
        self._target = plan.profile.loudness_target
        self._bit_rate = plan.profile.audio_bit_rate or SONG_BIT_RATE
        self._codec = sound_codec(plan.profile)

    async def plain(self) -> Path:
        """The song from its file to its code; returns the encoded file."""
        room = self._room("encoding")
        await self._bring_song(room)
        await encode_song(
            room / _SOURCE,
            room / _ENCODED,
            work_dir=room,
            offset_us=self._edl.audio.offset_us,
            duration_us=self._edl.audio.duration_us,
            bit_rate=self._bit_rate,
            codec=self._codec,
            timeout_s=_TIMEOUT_S,
        )
        return room / _ENCODED

    async def mixed(self) -> Path:
        """Decodes, mixes, measures, encodes; returns the encoded file."""
        mixing = self._room("mixing")
        await self._song_samples(mixing)
        # Never of its proxy, which has no sound.
        originals = {item.object.sha256: item for item in self._context.spec.render.media}
        for sha256 in sorted({s.media_sha256 for s in self._edl.segments if is_heard(s)}):
            await self._clip_samples(originals[sha256], mixing)
        await sandbox.run(
            sandbox.python_command(_MIX_CHILD),
            work_dir=mixing,
            what="mixing the sound",
            timeout_s=_TIMEOUT_S,
            stdin=self._edl.SerializeToString(),
        )
        mix, gain = await self._levelled(mixing)
        await encode_mix(
            mix,
            mixing / _ENCODED,
            work_dir=mixing,
            codec=self._codec,
            bit_rate=self._bit_rate,
            gain_cb=gain,
            timeout_s=_TIMEOUT_S,
        )
        return mixing / _ENCODED

    async def _levelled(self, mixing: Path) -> tuple[Path, int]:
        """The mix, limited where it has to be, and by how much it is turned then."""
        mix = mixing / MIX
        if not self._target and not heard(self._edl):
            return mix, 0
        target = self._target / 100 if self._target else None
        found = await measure_mix(mix, work_dir=mixing, timeout_s=_TIMEOUT_S)
        driven = limited_cb(found, target)
        if driven:
            mix = mixing / _LIMITED
            await limit_mix(
                mixing / MIX, mix, work_dir=mixing, gain_cb=driven, timeout_s=_TIMEOUT_S
            )
            found = await measure_mix(mix, work_dir=mixing, timeout_s=_TIMEOUT_S)
        return mix, gain_cb(found, target)

    async def _song_samples(self, mixing: Path) -> None:
        room = self._room("decoding")
        await self._bring_song(room)
        await decode_song(
            room / _SOURCE,
            room / SONG,
            work_dir=room,
            offset_us=self._edl.audio.offset_us,
            duration_us=self._edl.audio.duration_us,
            timeout_s=_TIMEOUT_S,
        )
        (room / SONG).rename(mixing / SONG)

    async def _bring_song(self, room: Path) -> None:
        song = self._context.spec.render.audio.object
        await self._cache.fetch(self._context.storage, song, room / _SOURCE)

    async def _clip_samples(self, item: ReadyMedia, mixing: Path) -> None:
        """What is heard of one clip as a folder of its name; none where it has no sound."""
        sha256 = item.object.sha256
        room = self._room(f"sound-{sha256}")
        source = self._folder / f"clip-{sha256}"
        await self._cache.fetch(self._context.storage, item.object, source)
        job = {"path": str(source.absolute()), "ranges": needed(heard(self._edl), sha256)}
        name = item.filename or item.asset_id
        try:
            done = await sandbox.run(
                sandbox.python_command(_CLIP_CHILD),
                inputs=[source],
                work_dir=room,
                what=f"decoding the sound of {name}",
                timeout_s=_TIMEOUT_S,
                stdin=json.dumps(job).encode(),
            )
        except BeatStitchError as error:
            if error.reason == failure_pb2.ERROR_REASON_INPUT_CORRUPT:
                error.metadata["asset_id"] = item.asset_id
            raise
        if done.stdout == b"true":
            room.rename(mixing / sha256)

    def _room(self, name: str) -> Path:
        room = self._folder / name
        room.mkdir()
        return room
