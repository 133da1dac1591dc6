"""The render profiles that CreateRender knows by name."""

from __future__ import annotations

from beatstitch.v1.render_pb2 import RenderProfile

PREVIEW = "preview"
FINAL = "final"


def render_profiles() -> dict[str, RenderProfile]:
    """All profiles by name, freshly made."""
    return {
        PREVIEW: RenderProfile(
            name=PREVIEW, max_height=360, preset="ultrafast", crf=28, audio_bit_rate=128_000
        ),
        FINAL: RenderProfile(
            name=FINAL, max_height=0, preset="veryfast", crf=20, audio_bit_rate=192_000
        ),
    }
