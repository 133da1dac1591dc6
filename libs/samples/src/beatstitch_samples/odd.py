"""Files that are broken, empty, mislabelled or hostile; `write_odd_files` makes them all."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from beatstitch_samples import odd_images, signals
from beatstitch_samples.audio_files import write_audio
from beatstitch_samples.coded_clips import coded_clip


def truncated(path: Path, whole: Path, keep: float = 0.5) -> Path:
    """Copies the first part of another file: an upload that broke off."""
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def empty(path: Path) -> Path:
    """A file of no bytes."""
    path.write_bytes(b"")
    return path


def text(path: Path) -> Path:
    """Plain text, whatever the name says."""
    path.write_text("This is not a film.\n" * 50, encoding="utf-8")
    return path


def random_bytes(path: Path, count: int = 65_536, seed: int = 0) -> Path:
    """Noise without any structure."""
    path.write_bytes(np.random.default_rng(seed).bytes(count))
    return path


def hls_playlist(path: Path, target: str) -> Path:
    """An m3u8 playlist whose only segment is `target`: a URL or a local path."""
    path.write_text(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n"
        f"#EXTINF:10.0,\n{target}\n#EXT-X-ENDLIST\n",
        encoding="utf-8",
    )
    return path


def ffconcat_playlist(path: Path, target: str) -> Path:
    """A script for FFmpeg's concat demuxer that reads `target`."""
    path.write_text(f"ffconcat version 1.0\nfile '{target}'\n", encoding="utf-8")
    return path


def dash_manifest(path: Path, target: str) -> Path:
    """A DASH manifest whose only media is `target`."""
    path.write_text(
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT10S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1000">'
        f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>\n",
        encoding="utf-8",
    )
    return path


def short_sound(path: Path, duration_us: int = 300_000) -> Path:
    """Sound too short to hold a beat."""
    return write_audio(path, signals.tone(440.0, duration_us), 48_000)


def silent_sound(path: Path, duration_us: int = 5_000_000) -> Path:
    """Digital silence."""
    return write_audio(path, signals.silence(duration_us, channels=2), 48_000)


def noise_sound(path: Path, duration_us: int = 5_000_000) -> Path:
    """White noise: loud, and no beat in it."""
    return write_audio(path, signals.noise(duration_us, channels=2), 48_000)


def sound_only_mp4(path: Path, duration_us: int = 2_000_000) -> Path:
    """An mp4 without any pictures."""
    return write_audio(path, signals.tone(330.0, duration_us), 48_000)


def write_odd_files(folder: Path, *, url: str, local_path: str) -> dict[str, Path]:
    """Writes one of each odd or hostile file.

    Args:
        folder: Where to; made if missing.
        url: What the hostile files want to fetch, e.g. `http://127.0.0.1:PORT/secret`.
        local_path: What they want to read, e.g. a file outside the sandbox.

    Returns:
        A name for each file and its path. Names that start with `bad_` must be refused (or, for
        truncated media, at least not crash anything); the others must work.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clip = coded_clip(folder / "whole.mp4", source_id=900, frames=30, fps=Fraction(30)).path
    files = {"whole_mp4": clip}
    for orientation in range(1, 9):
        path = folder / f"exif_{orientation}.jpg"
        files[f"exif_{orientation}"] = odd_images.exif_jpeg(
            path, orientation=orientation, source_id=910 + orientation
        )
    files |= {
        "alpha_png": odd_images.alpha_png(folder / "alpha.png", source_id=920),
        "deep_png": odd_images.deep_png(folder / "deep.png", source_id=921),
        "grey_png": odd_images.grey_png(folder / "grey.png", source_id=922),
        "palette_png": odd_images.palette_png(folder / "palette.png", source_id=923),
        "cmyk_jpeg": odd_images.cmyk_jpeg(folder / "cmyk.jpg", source_id=924),
        "gif": odd_images.animated(folder / "animated.gif", source_id=925),
        "webp": odd_images.animated(folder / "animated.webp", source_id=926),
        "tiny_png": odd_images.tiny_image(folder / "tiny.png"),
        "short_sound": short_sound(folder / "short.wav"),
        "silence": silent_sound(folder / "silence.wav"),
        "noise": noise_sound(folder / "noise.wav"),
        "sound_only_mp4": sound_only_mp4(folder / "sound-only.mp4"),
        "bad_png_bomb": odd_images.png_bomb(folder / "bomb.png"),
        "bad_gif_bomb": odd_images.gif_bomb(folder / "bomb.gif"),
        "bad_truncated_mp4": truncated(folder / "truncated.mp4", clip),
        "bad_truncated_jpg": truncated(folder / "truncated.jpg", files["exif_1"], 0.4),
        "bad_empty": empty(folder / "empty.mp4"),
        "bad_text": text(folder / "text.mp4"),
        "bad_random": random_bytes(folder / "random.mp4"),
        "bad_hls_url": hls_playlist(folder / "hls-url.mp4", url),
        "bad_hls_file": hls_playlist(folder / "hls-file.mp4", local_path),
        "bad_concat_url": ffconcat_playlist(folder / "concat-url.mp4", url),
        "bad_concat_file": ffconcat_playlist(folder / "concat-file.mp4", local_path),
        "bad_dash_url": dash_manifest(folder / "dash-url.mp4", url),
        "bad_svg_url": odd_images.svg_with_reference(folder / "svg-url.png", url),
        "bad_svg_file": odd_images.svg_with_reference(
            folder / "svg-file.png", f"file://{local_path}"
        ),
    }
    return files
