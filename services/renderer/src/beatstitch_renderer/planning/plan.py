"""EDL + profile + fingerprint → the pieces of a render and the names of all that it makes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from beatstitch.internal.v1.render_plan_pb2 import (
    ChunkContent,
    ChunkPlan,
    ChunkSegment,
    RenderPlan,
)
from beatstitch.v1 import common_pb2, edl_pb2
from beatstitch.v1.render_pb2 import Container
from beatstitch_core.canonical import edl_hash, message_hash, sha256_hex
from beatstitch_core.edl.ways_in import CUTS, DIRECTED, reach
from beatstitch_media.audio import SoundCodec
from beatstitch_renderer.compositor.codecs import piece_fingerprint
from beatstitch_renderer.planning.borders import PieceSizes, borders, default_sizes
from beatstitch_renderer.planning.encoding import (
    MP4,
    container_of,
    piece_encoding,
    slowness,
    sound_codec,
)
from beatstitch_renderer.planning.overlays import overlays_in
from beatstitch_renderer.planning.soundtrack import MIX_VERSION, sound_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from beatstitch.internal.v1.job_spec_pb2 import ReadyMedia
    from beatstitch.v1.edl_pb2 import Edl, OutputFormat, Segment, Transition
    from beatstitch.v1.render_pb2 import RenderProfile

MIN_HEIGHT = 16
_MIDDLE = edl_pb2.UnitPoint(x=32_768, y=32_768)


def plan_render(
    edl: Edl,
    profile: RenderProfile,
    fingerprint: str,
    sizes: PieceSizes | None = None,
    stand_ins: Mapping[str, ReadyMedia] | None = None,
) -> RenderPlan:
    """Cuts a valid EDL into pieces and names each by all that decides its bytes.

    Args:
        edl: A valid EDL.
        profile: How to encode.
        fingerprint: Names the code, the libraries and the encoder's settings.
        sizes: How long pieces are; 4 to 10 s by default.
        stand_ins: What is rendered in place of which clip, by the clip's sha256.
    """
    output = limited_output(edl.output, profile.max_height)
    frame_count = edl.segments[-1].timeline_out_frame
    encoding = piece_encoding(profile)
    edges = borders(edl.segments, sizes or default_sizes(output, slowness(encoding)))
    used = {sha256: item.object.sha256 for sha256, item in (stand_ins or {}).items()}
    plan = RenderPlan(
        edl_hash=edl_hash(edl),
        output=output,
        frame_count=frame_count,
        renderer_fingerprint=fingerprint,
        profile=profile,
        audio_hash=audio_hash(edl, profile, fingerprint),
    )
    cursor = 0
    for index, (start, end) in enumerate(pairwise(edges)):
        while edl.segments[cursor].timeline_out_frame <= start:
            cursor += 1
        content = ChunkContent(
            renderer_fingerprint=piece_fingerprint(fingerprint, encoding),
            output=output,
            preset=encoding.preset,
            crf=encoding.crf,
            codec=encoding.codec,
            max_bit_rate=encoding.max_bit_rate,
            frame_count=end - start,
            segments=_shown(edl.segments, cursor, start, end, used),
            overlays=overlays_in(edl.overlays, start, end),
        )
        plan.chunks.append(
            ChunkPlan(
                index=index,
                start_frame=start,
                end_frame=end,
                chunk_hash=message_hash(content),
                content=content,
            )
        )
    plan.output_hash = _output_hash(plan)
    return plan


def frame_content(
    edl: Edl, frame: int, max_height: int, stand_ins: Mapping[str, ReadyMedia]
) -> ChunkContent:
    """One frame of an EDL as a piece of one frame; nothing is said about its encoding.

    Args:
        edl: An EDL, or those of its segments that are around the frame.
        frame: In the video; one of the segments has it.
        max_height: Most lines; 0 for the EDL's.
        stand_ins: As for `plan_render`.
    """
    here = next(i for i, item in enumerate(edl.segments) if frame < item.timeline_out_frame)
    used = {sha256: item.object.sha256 for sha256, item in stand_ins.items()}
    return ChunkContent(
        output=limited_output(edl.output, max_height),
        frame_count=1,
        segments=_shown(edl.segments, here, frame, frame + 1, used),
        overlays=overlays_in(edl.overlays, frame, frame + 1),
    )


def limited_output(output: OutputFormat, max_height: int) -> OutputFormat:
    """The output's shape with at most `max_height` lines (0: no limit): even sizes, same aspect."""
    limited = edl_pb2.OutputFormat()
    limited.CopyFrom(output)
    if limited.frame_rate.den == 0:
        limited.frame_rate.den = 1
    if 0 < max_height < output.height:
        height = max(MIN_HEIGHT, max_height - max_height % 2)
        # The even number nearest to width × height / old height, in integers.
        width = 2 * ((output.width * height + output.height) // (2 * output.height))
        limited.width, limited.height = max(MIN_HEIGHT, width), height
    return limited


def audio_hash(edl: Edl, profile: RenderProfile, fingerprint: str) -> str:
    """Name of the encoded sound: hash of all that decides its bytes."""
    facts: dict[str, object] = {
        "sha256": edl.audio.sha256,
        "offset_us": str(edl.audio.offset_us),
        "duration_us": str(edl.audio.duration_us),
        "bit_rate": profile.audio_bit_rate,
        "fingerprint": fingerprint,
    }
    # What isn't asked for isn't said: the AAC of a plain song is named as it always was.
    mixed = sound_facts(edl)
    if profile.loudness_target:
        mixed["loudness_target"] = profile.loudness_target
    if mixed:
        facts |= {**mixed, "mix": MIX_VERSION}
    codec = sound_codec(profile)
    if codec != SoundCodec.AAC:
        facts["codec"] = codec.value
    return _hash_of(facts)


def _output_hash(plan: RenderPlan) -> str:
    # Not the edl_hash: it names project and assets, which decide no byte of the video.
    facts: dict[str, object] = {
        "chunks": [chunk.chunk_hash for chunk in plan.chunks],
        "audio": plan.audio_hash,
        "fingerprint": plan.renderer_fingerprint,
    }
    container = container_of(plan.profile)
    if container != MP4:
        # So an MP4 is named as it was before there were others.
        facts["container"] = Container.Name(container)
    return _hash_of(facts)


def _hash_of(facts: dict[str, object]) -> str:
    return sha256_hex(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode())


def _shown(
    segments: Sequence[Segment], cursor: int, start: int, end: int, used: Mapping[str, str]
) -> Iterable[ChunkSegment]:
    """What frames `start` to `end` - 1 show, from the segment that frame `start` belongs to.

    With it the segment before where that still goes out, and the one after where that comes in.
    """
    here = segments[cursor]
    goes_out = here.timeline_in_frame + reach(here.transition_in).after > start
    for index in range(cursor - 1 if goes_out and cursor > 0 else cursor, len(segments)):
        segment = segments[index]
        if segment.timeline_in_frame - reach(segment.transition_in).before >= end:
            # A way in is at most half of its segment, so no later one begins earlier.
            return
        yield _relative(segment, start, end, used)


def _relative(segment: Segment, start: int, end: int, used: Mapping[str, str]) -> ChunkSegment:
    """The segment counted from the piece's first frame, without what can't be seen in the piece."""
    shown = ChunkSegment(
        media_sha256=used.get(segment.media_sha256, segment.media_sha256),
        media_type=segment.media_type,
        in_frame=segment.timeline_in_frame - start,
        out_frame=segment.timeline_out_frame - start,
        source_in_us=segment.source_in_us,
        source_out_us=segment.source_out_us,
        fit=segment.fit or edl_pb2.FIT_COVER,
    )
    comes_in = shown.in_frame + reach(segment.transition_in).after > 0
    if comes_in:
        _copy_way_in(segment.transition_in, shown.transition_in)
    if segment.media_type == common_pb2.MEDIA_TYPE_VIDEO:
        shown.fill = segment.fill or edl_pb2.FILL_POLICY_LOOP
        shown.speed.points.extend(segment.speed.points)
    if segment.effect.WhichOneof("kind"):
        shown.effect.CopyFrom(segment.effect)
    if shown.fit == edl_pb2.FIT_FOCUS:
        shown.focus.CopyFrom(segment.focus if segment.HasField("focus") else _MIDDLE)
    for accent in segment.accents:
        at = shown.in_frame + accent.frame
        if at < end - start and at + accent.frames > 0:
            shown.accents.append(accent)
    if shown.in_frame >= end - start:
        shown.out_frame = shown.in_frame + 1
    elif not segment.effect.WhichOneof("kind"):
        # Only a move over a still picture depends on where its segment ends.
        shown.out_frame = max(0, min(shown.out_frame, end - start))
        timeless = segment.media_type == common_pb2.MEDIA_TYPE_IMAGE and not shown.accents
        if timeless and not comes_in:
            shown.in_frame = max(shown.in_frame, 0)
    return shown


def _copy_way_in(way_in: Transition, target: Transition) -> None:
    """Copies with every default said, and nothing said that decides nothing."""
    if way_in.type in CUTS:
        target.type = edl_pb2.TRANSITION_TYPE_CUT
        return
    target.type, target.frames = way_in.type, way_in.frames
    target.align = way_in.align or edl_pb2.TRANSITION_ALIGN_END
    if way_in.type in DIRECTED:
        target.direction = way_in.direction or edl_pb2.DIRECTION_LEFT
