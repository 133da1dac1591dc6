"""The scalers' own numbers, tried on traces of arrivals: nobody starves, nothing thrashes."""

import pytest
from support.manifests import environment, of_kind, pods, render
from support.scaling import Scaler, Trial, trial

HOUR = 3600
# A new pod: scheduled, image on the node, Python and its libraries loaded.
START_S = 30
PLACES = "BEATSTITCH_CHUNK_SLOTS"


def scaler(name: str) -> tuple[Scaler, int]:
    """A renderer's scaler as it starts, and the places of its pods."""
    objects = render("prod")
    spec = of_kind(objects, "ScaledObject")[name]["spec"]
    (trigger,) = spec["triggers"]
    places = int(environment(objects, pods(objects)[name].main)[PLACES])
    threshold = int(trigger["metadata"]["lagThreshold"])
    return Scaler(spec, threshold, spec["minReplicaCount"]), places


def batch(arrivals: list[int], *, piece_s: int, until_s: int = 2 * HOUR) -> Trial:
    keda, places = scaler("renderer-batch")
    return trial(keda, arrivals, piece_s=piece_s, places=places, start_s=START_S, until_s=until_s)


def test_one_piece_wakes_one_pod_and_then_there_is_none() -> None:
    told = batch([100], piece_s=20)
    assert told.waits[0] <= 10 + START_S, "a poll, and a pod's start"
    assert max(told.pods) == 1
    assert told.pods[-1] == 0
    assert told.turns == 1


def test_a_render_of_many_pieces_is_spread_at_once() -> None:
    told = batch([60] * 32, piece_s=30)
    assert told.left == 0
    assert max(told.waits) <= 60
    assert max(told.pods) == 16, "32 pieces, two a pod"
    assert told.turns == 1, "up once, down once"


def test_a_thousand_renders_use_all_pods_and_none_more() -> None:
    told = batch([0] * 20_000, piece_s=20, until_s=3 * HOUR)
    assert told.left == 0
    assert max(told.pods) == scaler("renderer-batch")[0].spec["maxReplicaCount"]
    # With all pods there from the first second it would take 1,000 s.
    assert max(told.waits) <= 1000 * 1.5
    assert told.turns == 1


@pytest.mark.parametrize("pause_s", [30, 60, 120, 240])
def test_bursts_closer_than_the_window_keep_their_pods(pause_s: int) -> None:
    arrivals = [at for start in range(0, HOUR, pause_s) for at in [start] * 16]
    told = batch(arrivals, piece_s=15)
    assert told.left == 0
    assert told.turns <= 2, "one rise, one fall; not one a burst"
    late = [wait for wait, at in zip(told.waits, arrivals, strict=True) if at > 600]
    assert max(late) <= 60, "once there are pods nobody waits for a start"


def test_bursts_farther_apart_turn_at_most_twice_each() -> None:
    arrivals = [at for start in range(0, 4 * HOUR, 1200) for at in [start] * 64]
    told = batch(arrivals, piece_s=30, until_s=5 * HOUR)
    bursts = 4 * HOUR // 1200
    assert told.left == 0
    assert told.turns <= 2 * bursts
    assert max(told.waits) <= 240


@pytest.mark.parametrize("per_minute", [1, 6, 60, 240])
def test_a_steady_flow_settles(per_minute: int) -> None:
    arrivals = [second * 60 // per_minute for second in range(per_minute * 120)]
    told = batch(arrivals, piece_s=20, until_s=3 * HOUR)
    assert told.left == 0
    settled = told.pods[HOUR : 2 * HOUR]
    assert max(settled) - min(settled) <= 1
    assert max(told.waits[len(told.waits) // 2 :]) <= START_S + 30


def test_long_pieces_hold_their_pods() -> None:
    """What is in hand counts: a pod isn't taken because nothing waits."""
    told = batch([0] * 8, piece_s=700, until_s=2 * HOUR)
    assert told.left == 0
    assert min(told.pods[60:700]) >= 2


def test_a_person_waits_for_a_poll_and_a_start_at_most() -> None:
    keda, places = scaler("renderer-interactive")
    arrivals = [at for start in range(60, HOUR, 90) for at in [start] * 12]
    told = trial(keda, arrivals, piece_s=4, places=places, start_s=START_S, until_s=2 * HOUR)
    assert told.left == 0
    assert max(told.waits) <= 15 + START_S
    assert told.pods[-1] == 1, "one stays"
    assert told.turns <= 2


def test_the_model_sees_thrash_and_starvation() -> None:
    """With no window each burst turns; with no second pod the queue stays; with a threshold above
    a pod's places even a steady flow swings, for the lag counts what is in hand.
    """
    keda, places = scaler("renderer-batch")
    behavior = keda.spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    behavior["scaleDown"] = {
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    }
    arrivals = [at for start in range(0, HOUR, 120) for at in [start] * 16]
    told = trial(keda, arrivals, piece_s=15, places=places, start_s=START_S, until_s=2 * HOUR)
    assert told.turns > 20
    keda, places = scaler("renderer-batch")
    keda.spec["maxReplicaCount"] = 1
    told = trial(keda, [0] * 1000, piece_s=20, places=places, start_s=START_S, until_s=HOUR)
    assert told.left > 0
    keda, places = scaler("renderer-batch")
    keda.threshold = 2 * places
    steady = range(2 * HOUR)
    told = trial(keda, steady, piece_s=20, places=places, start_s=START_S, until_s=3 * HOUR)
    assert told.turns > 10
