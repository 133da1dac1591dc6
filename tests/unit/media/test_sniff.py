"""Types by first bytes, whatever the name says."""

import pytest

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError
from beatstitch_media.formats import AUDIO, IMAGE, VIDEO
from beatstitch_media.sniff import sniff, sniff_bytes
from beatstitch_media.sniff_audio import adts_length, mpeg_length

MP3_FRAME = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes
ADTS_FRAME = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)  # 16 bytes


def ftyp(major, *compatible):
    body = major + bytes(4) + b"".join(compatible)
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body + bytes(16)


@pytest.mark.parametrize(
    ("head", "media_type", "demuxer", "extension"),
    [
        (b"\xff\xd8\xff\xe0", IMAGE, "", "jpg"),
        (b"\x89PNG\r\n\x1a\n", IMAGE, "", "png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", IMAGE, "", "webp"),
        (b"GIF89a", IMAGE, "gif", "gif"),
        (b"BM\x36\x00\x00\x00\x00\x00\x00\x00", IMAGE, "", "bmp"),
        (ftyp(b"avif", b"mif1"), IMAGE, "", "avif"),
        (ftyp(b"mif1", b"avif"), IMAGE, "", "avif"),
        (ftyp(b"heic", b"mif1"), IMAGE, "", "heic"),
        (ftyp(b"isom", b"avc1"), VIDEO, "mov", "mp4"),
        (ftyp(b"qt  "), VIDEO, "mov", "mov"),
        (ftyp(b"M4A "), AUDIO, "mov", "m4a"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", VIDEO, "mov", "mov"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm", VIDEO, "matroska", "webm"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", VIDEO, "matroska", "mkv"),
        (b"RIFF\0\0\0\0AVI LIST", VIDEO, "avi", "avi"),
        ((b"\x47" + bytes(187)) * 5, VIDEO, "mpegts", "ts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 5, VIDEO, "mpegts", "ts"),
        (b"RIFF\0\0\0\0WAVEfmt ", AUDIO, "wav", "wav"),
        (b"RF64\xff\xff\xff\xffWAVEds64", AUDIO, "wav", "wav"),
        (b"fLaC\0\0\0\x22", AUDIO, "flac", "flac"),
        (b"OggS" + bytes(24) + b"OpusHead", AUDIO, "ogg", "opus"),
        (b"OggS" + bytes(24) + b"\x01vorbis", AUDIO, "ogg", "ogg"),
    ],
)
def test_magic(head, media_type, demuxer, extension):
    found = sniff_bytes(head)
    assert found is not None
    assert (found.media_type, found.demuxer, found.extension) == (media_type, demuxer, extension)


@pytest.mark.parametrize(
    ("data", "extension"),
    [
        (MP3_FRAME * 3, "mp3"),
        (bytes(1000) + MP3_FRAME * 3, "mp3"),
        (b"ID3\x04\0\0\0\0\x4e\x10" + bytes(10_000) + MP3_FRAME * 3, "mp3"),
        (ADTS_FRAME * 3, "aac"),
        (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + b"fLaC", "flac"),
    ],
)
def test_songs_without_magic(tmp_path, data, extension):
    path = tmp_path / "song.bin"
    path.write_bytes(data)
    assert sniff(path).extension == extension


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", failure_pb2.ERROR_REASON_INPUT_CORRUPT, "song.mp3 is empty"),
        (b"#EXTM3U\nhttp://x/", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "a playlist"),
        (b"ffconcat version 1.0\n", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "a playlist"),
        (b"<?xml?><svg>", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "SVG"),
        (b"hello", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "text"),
        (b"%PDF-1.7 \xff\xfe", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "PDF"),
        (b"II*\0\x08\0\0\0", failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "TIFF"),
        (b"\0\xff\x13\x37" * 100, failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "unknown type"),
        (b"\xff\xfb\x90\x00" + b"x" * 600, failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, "unknown"),
    ],
)
def test_what_is_refused_is_named(tmp_path, data, reason, words):
    path = tmp_path / "0192.part"
    path.write_bytes(data)
    with pytest.raises(BeatStitchError, match=words) as caught:
        sniff(path, filename="song.mp3")
    assert caught.value.reason == reason
    assert "0192.part" not in caught.value.message


def test_lengths_of_audio_frames():
    assert mpeg_length(MP3_FRAME) == 417
    assert mpeg_length(b"\xff\xf3\x48\xc4") == 144  # MPEG-2 layer III, 32 kbit/s, 16 kHz
    assert mpeg_length(b"\xff\xff\xff\xff") == 0
    assert adts_length(ADTS_FRAME) == 16
    assert adts_length(MP3_FRAME) == 0
