"""Music, pictures and clips made by code: for the demo, the tests and the benches.

Everything is deterministic and carries its own truth: songs know their beats, coded clips name
their source and frame in every picture, click tracks click at exact samples.
"""

from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.clips import SCENES, write_clip
from beatstitch_samples.coded import (
    coded_image,
    decode_frame_code,
    encode_frame_code,
    measure_mix,
)
from beatstitch_samples.coded_clips import VARIANTS, CodedClip, coded_clip, coded_variant
from beatstitch_samples.demo_set import DemoSet, write_demo_media
from beatstitch_samples.measure import (
    Cut,
    FrameReading,
    GridReport,
    check_grid,
    decode_audio,
    decode_frames,
    find_clicks,
    find_cuts,
    find_jumps,
    read_codes,
)
from beatstitch_samples.odd import write_odd_files
from beatstitch_samples.photos import MOTIFS, paint, write_photo
from beatstitch_samples.sheet import contact_sheet
from beatstitch_samples.signals import click_track, noise, silence, tone
from beatstitch_samples.song import PARTS, Section, Song, compose, demo_song
from beatstitch_samples.video_files import AudioTrack, VideoFormat, write_video

__all__ = [
    "MOTIFS",
    "PARTS",
    "SCENES",
    "VARIANTS",
    "AudioTrack",
    "CodedClip",
    "Cut",
    "DemoSet",
    "FrameReading",
    "GridReport",
    "Section",
    "Song",
    "VideoFormat",
    "check_grid",
    "click_track",
    "coded_clip",
    "coded_image",
    "coded_variant",
    "compose",
    "contact_sheet",
    "decode_audio",
    "decode_frame_code",
    "decode_frames",
    "demo_song",
    "encode_frame_code",
    "find_clicks",
    "find_cuts",
    "find_jumps",
    "measure_mix",
    "noise",
    "paint",
    "read_codes",
    "silence",
    "tone",
    "write_audio",
    "write_clip",
    "write_demo_media",
    "write_odd_files",
    "write_photo",
    "write_video",
]
