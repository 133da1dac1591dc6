import pytest

from beatstitch_samples import coded_clip, compose


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    """A song and three clips, long enough that a render can be met in the middle."""
    folder = tmp_path_factory.mktemp("material")
    song = compose(bars=14, bpm=125.0).write(folder / "song.wav")
    clips = [
        coded_clip(folder / f"clip{n}.mp4", source_id=n, frames=150, size=(640, 360)).path
        for n in (1, 2, 3)
    ]
    return song, clips
