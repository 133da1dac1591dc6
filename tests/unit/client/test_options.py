"""Options of the command as settings of the server."""

from __future__ import annotations

import pytest

from beatstitch.v1 import analysis_service_pb2, edl_pb2, job_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client.cli.exits import UsageError
from beatstitch_client.cli.jobs import parse_state
from beatstitch_client.cli.options import (
    AnalyzerName,
    FitName,
    TransitionName,
    analysis_settings,
    known_profile,
    parse_fps,
    timeline_settings,
)
from beatstitch_client.cli.up import parse_replicas


@pytest.mark.parametrize(
    ("text", "num", "den"),
    [
        ("30", 30, 1),
        ("25.0", 25, 1),
        ("30000/1001", 30_000, 1_001),
        ("60/2", 30, 1),
        ("29.97", 30_000, 1_001),
        ("23.976", 24_000, 1_001),
        ("59.94", 60_000, 1_001),
        ("12.5", 25, 2),
    ],
)
def test_frame_rates(text: str, num: int, den: int):
    rate = parse_fps(text)
    assert (rate.num, rate.den) == (num, den)


@pytest.mark.parametrize("text", ["", "fast", "30/0", "0", "-5", "1/", "9999999", "nan", "inf"])
def test_what_is_no_frame_rate(text: str):
    with pytest.raises(UsageError):
        parse_fps(text)


def settings(**changes):
    wanted = {
        "beats_per_cut": 4,
        "width": 1280,
        "height": 720,
        "fps": "30",
        "transition": TransitionName.CUT,
        "fit": FitName.COVER,
    }
    return timeline_settings(**(wanted | changes))


def test_settings():
    made = settings(
        beats_per_cut=8, transition=TransitionName.CROSSFADE, fit=FitName.CONTAIN, fps="24", seed=3
    )
    assert made.beats_per_cut == 8
    assert made.transition.type == edl_pb2.TRANSITION_TYPE_CROSSFADE
    assert made.fit == edl_pb2.FIT_CONTAIN
    assert made.output.frame_rate.num == 24
    assert made.seed == 3


def test_what_is_not_given_is_left_to_the_template():
    assert timeline_settings() == TimelineSettings()
    for name in TransitionName:
        made = timeline_settings(transition=name)
        assert made.transition.type
        assert made.HasField("transition")
    assert {timeline_settings(fit=name).fit for name in FitName} == set(edl_pb2.Fit.values()) - {0}


def test_profiles():
    assert known_profile("instagram-reel") == "instagram-reel"
    with pytest.raises(UsageError, match="preview, final, youtube"):
        known_profile("best")


def test_what_the_server_would_refuse_is_refused_here_all_at_once():
    with pytest.raises(UsageError) as caught:
        settings(width=641, height=9_000, fps="121")
    text = str(caught.value)
    assert all(option in text for option in ("--width", "--height", "--fps"))


def test_analyzers():
    assert analysis_settings(AnalyzerName.AUTO) is None
    chosen = analysis_settings(AnalyzerName.LIBROSA)
    assert chosen is not None
    assert chosen.analyzer == analysis_service_pb2.ANALYZER_CHOICE_LIBROSA
    chosen = analysis_settings(AnalyzerName.MADMOM)
    assert chosen is not None
    assert chosen.analyzer == analysis_service_pb2.ANALYZER_CHOICE_MADMOM


def test_states():
    assert parse_state("running") == job_pb2.JOB_STATE_RUNNING
    assert parse_state("FAILED") == job_pb2.JOB_STATE_FAILED
    for name in ("unspecified", "gone", ""):
        with pytest.raises(UsageError):
            parse_state(name)


def test_replicas():
    assert parse_replicas(["renderer=2", "analyzer=1"]) == {"renderer": 2, "analyzer": 1}
    assert parse_replicas(["renderer=4,analyzer=2", "gateway=2"]) == {
        "renderer": 4,
        "analyzer": 2,
        "gateway": 2,
    }
    assert not parse_replicas([])
    for item in ("renderer", "renderer=", "=2", "renderer=0", "renderer=x", "renderer=65"):
        with pytest.raises(UsageError):
            parse_replicas([item])
