"""What goes and what stays, decided without a bucket."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from pydantic import SecretStr, ValidationError

from beatstitch.internal.v1.job_spec_pb2 import JobSpec, ReadyMedia, RenderSpec
from beatstitch.v1 import admin_service_pb2 as admin
from beatstitch.v1.common_pb2 import ObjectRef
from beatstitch.v1.render_pb2 import RenderProfile
from beatstitch.v1.tenant_pb2 import RetentionPolicy
from beatstitch_gateway.retention import cache
from beatstitch_gateway.retention.decide import Abort, Decision, decide
from beatstitch_gateway.retention.needs import Needs, object_keys
from beatstitch_gateway.retention.policy import Policy, policy_of
from beatstitch_gateway.retention.world import OpenUpload, Output, World
from beatstitch_gateway.settings import GatewaySettings
from beatstitch_gateway.uploads.multipart import Unfinished
from beatstitch_runtime.storage import Stored

NOW = datetime(2026, 1, 31, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
P = "t/x/"
POLICY = Policy(
    temporary=HOUR,
    previews=DAY,
    finals=7 * DAY,
    proxies=7 * DAY,
    chunks=7 * DAY,
    max_chunk_bytes=1000,
    safety=6 * HOUR,
)


def stored(name: str, age: timedelta, size: int = 10) -> Stored:
    return Stored(P + name, size, NOW - age)


def output(name: str, age: timedelta, profile: str = "final", *, expired: bool = False) -> Output:
    return Output(
        render_id=f"r-{name}",
        key=f"{P}out/{name}",
        proof=f"{P}proof/{name}",
        edl_hash=f"edl-{name}",
        profile=profile,
        finished=NOW - age,
        expired=expired,
    )


def goes(objects: list[Stored], world: World | None = None, policy: Policy = POLICY) -> Decision:
    return decide(objects, [], world or World(P), policy, NOW)


def named(decision: Decision) -> dict[str, str]:
    name = admin.CleanupReason.Name
    return {
        item.object.key.removeprefix(P): name(item.reason).removeprefix("CLEANUP_REASON_")
        for item in decision.removals
    }


def test_outputs_go_when_their_time_is_over():
    world = World(
        P,
        outputs=[
            output("new-preview", 23 * HOUR, "preview"),
            output("old-preview", 25 * HOUR, "preview"),
            output("new", 6 * DAY),
            output("old", 8 * DAY),
            output("gone", DAY, expired=True),
        ],
    )
    objects = [
        stored(f"{kind}/{item.render_id[2:]}", 9 * DAY)
        for item in world.outputs
        for kind in ("out", "proof")
    ]
    found = goes(objects, world)
    assert named(found) == {
        "proof/old-preview": "PREVIEW_EXPIRED",
        "out/old-preview": "PREVIEW_EXPIRED",
        "proof/old": "FINAL_EXPIRED",
        "out/old": "FINAL_EXPIRED",
        "proof/gone": "FINAL_EXPIRED",
        "out/gone": "FINAL_EXPIRED",
    }
    assert set(found.expired) == {"r-old-preview", "r-old"}
    # Records first: who read one is an open job by the time the video would go.
    kinds = [item.object.key.split("/")[2] for item in found.removals]
    assert kinds == ["proof"] * 3 + ["out"] * 3


def test_a_video_of_two_renders_goes_with_the_last():
    old, new = output("v", 8 * DAY), output("v", DAY)
    assert not named(goes([stored("out/v", 8 * DAY)], World(P, outputs=[old, new])))
    found = goes([stored("out/v", 8 * DAY)], World(P, outputs=[old, old]))
    assert named(found) == {"out/v": "FINAL_EXPIRED"}


def test_a_video_that_an_open_job_may_be_finding_stays():
    needs = Needs(making={("edl-v", "final")})
    found = goes(
        [stored("out/v", 8 * DAY), stored("proof/v", 8 * DAY)],
        World(P, outputs=[output("v", 8 * DAY)], needs=needs),
    )
    assert not found.removals
    assert not found.expired
    assert found.kept_for_jobs == 1


def test_what_no_row_names_goes_once_it_is_old_enough():
    world = World(P, named={f"{P}in/a", f"{P}thumb/a"})
    objects = [
        stored(f"{kind}/{name}", age)
        for kind in ("in", "thumb", "edl", "grid", "picture", "out", "proof")
        for name, age in (("a", 30 * DAY), ("young", 5 * HOUR), ("lost", 7 * HOUR))
        if kind in {"in", "thumb"} or name != "a"
    ]
    assert named(goes(objects, world)) == {
        "in/lost": "ORPHAN_OBJECT",
        **{f"{k}/lost": "DELETED" for k in ("thumb", "edl", "grid", "picture", "out", "proof")},
    }


def test_what_another_version_stores_is_left_alone():
    assert not goes([stored("novelty/a", 300 * DAY)]).removals


def test_chunks_go_by_age_then_by_size_oldest_first():
    objects = [
        stored("chunk/ancient", 8 * DAY, 5000),
        stored("chunk/c", 3 * DAY, 400),
        stored("chunk/a", 5 * DAY, 400),
        stored("chunk/b", 4 * DAY, 400),
        stored("audio/ancient", 8 * DAY),
        stored("audio/a", 5 * DAY, 10**9),
    ]
    assert named(goes(objects)) == {
        "chunk/ancient": "CHUNK_EXPIRED",
        "audio/ancient": "CHUNK_EXPIRED",
        "chunk/a": "CHUNK_OVER_SIZE",
    }


def test_what_an_open_job_may_have_made_or_found_stays_however_long_it_takes():
    objects = [stored(f"chunk/{days}", days * DAY, 900) for days in (1, 8, 9, 10)]
    objects += [stored("in/found", 9 * DAY), stored("probe/found", 9 * DAY)]
    touch = replace(POLICY, touch_after=HOUR)
    needs = Needs(since=NOW - 9 * DAY)
    found = goes(objects, World(P, needs=needs), touch)
    assert named(found) == {"chunk/10": "CHUNK_EXPIRED"}
    # The chunks of eight and nine days by their age, the former by size too; the rest by age.
    assert found.kept_for_jobs >= 4
    after = named(goes(objects, World(P), touch))
    assert set(after) == {"chunk/8", "chunk/9", "chunk/10", "in/found", "probe/found"}


def test_chunks_over_size_that_are_too_young_stay():
    objects = [stored(f"chunk/{i}", i * HOUR, 900) for i in range(1, 6)]
    assert not goes(objects).removals


def test_for_ever_is_for_ever():
    policy = Policy(None, None, None, None, None, None, HOUR)
    objects = [stored(f"{kind}/v", 3000 * DAY) for kind in ("out", "proxy", "chunk", "audio")]
    world = World(P, outputs=[output("v", 3000 * DAY)], proxies={f"{P}proxy/v": {"a"}})
    found = decide(objects, [Unfinished("k", "u", NOW - 900 * DAY)], world, policy, NOW)
    assert found == Decision()


def test_proxies_go_when_nobody_uses_them():
    world = World(
        P,
        proxies={f"{P}proxy/{n}": {"a", "b"} for n in ("old", "new", "needed")},
        needs=Needs(keys={f"{P}proxy/needed"}),
    )
    objects = [
        stored("proxy/old", 8 * DAY),
        stored("proxy/new", 6 * DAY),
        stored("proxy/needed", 8 * DAY),
        stored("proxy/unnamed", DAY),
    ]
    found = goes(objects, world)
    assert named(found) == {"proxy/old": "PROXY_EXPIRED", "proxy/unnamed": "DELETED"}
    assert found.kept_for_jobs == 1


def test_uploads_that_came_to_nothing():
    world = World(
        P,
        named={f"{P}in/{name}" for name in "abc"},
        uploads=[
            OpenUpload("a", f"{P}in/a", "ua", NOW - 2 * HOUR),
            OpenUpload("b", f"{P}in/b", "", NOW - 2 * HOUR),
            OpenUpload("c", f"{P}in/c", "uc", NOW - HOUR / 2),
        ],
    )
    unfinished = [
        Unfinished(f"{P}in/a", "ua", NOW - 3 * HOUR),
        Unfinished(f"{P}in/c", "uc", NOW - 30 * HOUR),  # resumed for days
        Unfinished(f"{P}out/x", "worker", NOW - 7 * HOUR),
        Unfinished(f"{P}out/y", "worker", NOW - 5 * HOUR),  # may be on its way
    ]
    found = decide([stored("edl/e", HOUR)], unfinished, world, POLICY, NOW)
    assert found.aborts == [
        Abort(f"{P}in/a", "ua", "a"),
        Abort(f"{P}in/b", "", "b"),
        Abort(f"{P}out/x", "worker", ""),
    ]
    assert not found.missing_inputs


def test_rows_without_objects():
    world = World(
        P,
        named={f"{P}in/here", f"{P}in/lost", f"{P}thumb/lost"},
        proxies={f"{P}proxy/lost": {"a"}},
        outputs=[output("lost", DAY), output("gone", DAY, expired=True)],
    )
    found = goes([stored("in/here", DAY)], world)
    assert [item.render_id for item in found.missing_outputs] == ["r-lost"]
    assert found.missing_proxies == {f"{P}proxy/lost": {"a"}}
    assert found.missing_inputs == [f"{P}in/lost"]
    # An empty bucket is rather the wrong one.
    assert goes([], world) == Decision()


def test_all_keys_that_a_spec_names_are_needed():
    spec = JobSpec(
        render=RenderSpec(
            edl=ObjectRef(key="edl", sha256="h"),
            profile=RenderProfile(name="final"),
            audio=ReadyMedia(object=ObjectRef(key="song")),
            media=[
                ReadyMedia(object=ObjectRef(key="clip"), proxy=ObjectRef(key="proxy")),
                ReadyMedia(object=ObjectRef(key="picture")),
            ],
        )
    )
    assert set(object_keys(spec)) == {"edl", "song", "clip", "proxy", "picture"}
    needs = Needs()
    needs.add(spec)
    assert needs.making == {("h", "final")}


def settings(**fields: object) -> GatewaySettings:
    return GatewaySettings(database_url=SecretStr("postgresql+asyncpg://h/d"), **fields)


def test_a_tenants_own_times_count():
    own = RetentionPolicy(
        previews=Duration(seconds=60), finals=Duration(seconds=-1), max_chunk_bytes=-1
    )
    policy = policy_of(settings(), own)
    assert policy.previews == timedelta(seconds=60)
    assert policy.finals is None
    assert policy.max_chunk_bytes is None
    default = policy_of(settings(), RetentionPolicy())
    assert default.temporary == HOUR
    assert default.previews == DAY
    assert default.finals == default.proxies == default.chunks == 7 * DAY
    assert policy_of(settings(retention_finals_s=-1), RetentionPolicy()).finals is None


def test_what_is_used_has_to_be_young_enough_to_stay():
    with pytest.raises(ValidationError, match="retention_safety_s"):
        settings(retention_safety_s=3600, s3_touch_after_s=3600)


def test_the_cache_is_what_goes_when_nobody_uses_it():
    kinds = ("in", "grid", "edl", "out", "proof", "thumb", "unknown")
    kept = [stored(f"{kind}/a", HOUR) for kind in kinds]
    cached = [
        stored(f"{kind}/a", HOUR, 10**place)
        for place, kind in enumerate(("chunk", "audio", "proxy", "strip", "probe"))
    ]
    assert cache.size_of([*kept, *cached], P) == 11111
