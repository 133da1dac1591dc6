"""What goes: from what lies in the bucket and what rows say. Pure: a dry run is this and no more.

An object's time is the time of its last use: whoever finds it instead of making it anew brings its
time up to now, unless it is younger than `Policy.touch_after` (`Storage.use_many`). So what an open
job made or found is younger than the job and that together, and stays until the job ends, however
long it takes. What a job's spec names stays too, and so does a video that an open job makes or may
find made. Nothing younger than `Policy.safety` goes: rows may come after their objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from beatstitch.v1 import admin_service_pb2
from beatstitch.v1.admin_service_pb2 import CleanupReason
from beatstitch_core.profiles import PREVIEW
from beatstitch_gateway.retention import cache
from beatstitch_gateway.retention.policy import Policy
from beatstitch_gateway.retention.world import OpenUpload, Output, World
from beatstitch_gateway.uploads.multipart import Unfinished
from beatstitch_runtime.storage import Stored

R = admin_service_pb2
# Records that say where finished work lies go before that work: who read one is an open job then.
RECORDS = frozenset({"probe", "proof"})
# How far the clocks of storage, database and gateways may be apart; whole seconds are among it.
CLOCKS = timedelta(seconds=10)
# Artefacts that rows name: without a row they are of something that was deleted.
_NAMED = frozenset({"grid", "waveform", "activations", "thumb", "edl", "picture"})


class Removal(NamedTuple):
    """An object that goes.

    Attributes:
        reason: Why.
        object: What.
    """

    reason: CleanupReason.ValueType
    object: Stored


class Abort(NamedTuple):
    """A multipart upload that goes, or a declared upload with its row.

    Attributes:
        key: Of the object that it would be.
        upload_id: S3's id; empty for a single PUT.
        asset_id: Of the row; empty where there is none.
    """

    key: str
    upload_id: str
    asset_id: str


@dataclass
class Decision:
    """What goes.

    Attributes:
        removals: Objects, records first.
        expired: Renders whose output is over: id → why.
        aborts: Uploads that came to nothing.
        missing_outputs: Renders whose output should be there and isn't.
        missing_proxies: Proxies and filmstrips that rows name and that aren't there: key → assets.
        missing_inputs: Keys of assets' bytes that aren't there.
        kept_for_jobs: Objects that would go but that an open job may need.
    """

    removals: list[Removal] = field(default_factory=list)
    expired: dict[str, CleanupReason.ValueType] = field(default_factory=dict)
    aborts: list[Abort] = field(default_factory=list)
    missing_outputs: list[Output] = field(default_factory=list)
    missing_proxies: dict[str, set[str]] = field(default_factory=dict)
    missing_inputs: list[str] = field(default_factory=list)
    kept_for_jobs: int = 0


def decide(
    objects: Sequence[Stored],
    unfinished: Iterable[Unfinished],
    world: World,
    policy: Policy,
    now: datetime,
) -> Decision:
    """Decides what goes.

    Args:
        objects: All of the tenant's, listed before the rows were read: what was named meanwhile is
            seen as named.
        unfinished: Its multipart uploads that nobody joined.
        world: What its rows say.
        policy: How long things are kept.
        now: The time.
    """
    return _Deciding(objects, world, policy, now).run(unfinished)


class _Deciding:
    def __init__(
        self, objects: Sequence[Stored], world: World, policy: Policy, now: datetime
    ) -> None:
        self._objects, self._world, self._policy, self._now = objects, world, policy, now
        self._found = Decision()
        self._uploading = {item.key for item in world.uploads}
        self._standing: set[str] = set()
        since = world.needs.since
        # Younger than this an object may be in use.
        self._in_use = (
            now - since + policy.touch_after + CLOCKS if since is not None else timedelta()
        )
        self._over: dict[str, CleanupReason.ValueType] = {}

    def run(self, unfinished: Iterable[Unfinished]) -> Decision:
        self._judge_outputs()
        for item in self._objects:
            self._judge(item)
        self._judge_size()
        self._judge_uploads(unfinished)
        self._look_for_missing()
        self._found.removals.sort(key=lambda removal: self._kind(removal.object) not in RECORDS)
        return self._found

    def _judge_outputs(self) -> None:
        """Which videos and proofs are still somebody's, and which were and why they are not."""
        for output in self._world.outputs:
            reason = (
                R.CLEANUP_REASON_PREVIEW_EXPIRED
                if output.profile == PREVIEW
                else R.CLEANUP_REASON_FINAL_EXPIRED
            )
            if (output.edl_hash, output.profile) in self._world.needs.making:
                # An equal render may be finding it right now.
                self._standing.update((output.key, output.proof))
                self._found.kept_for_jobs += self._is_over(output)
            elif self._is_over(output):
                self._over[output.key] = self._over[output.proof] = reason
                if not output.expired:
                    self._found.expired[output.render_id] = reason
            else:
                self._standing.update((output.key, output.proof))

    def _is_over(self, output: Output) -> bool:
        ends = self._policy.output_ends(output.profile, output.finished)
        return output.expired or (ends is not None and ends <= self._now)

    def _judge(self, item: Stored) -> None:
        kind, age = self._kind(item), self._now - item.modified
        if kind == "in":
            named = item.key in self._world.named
            self._unless_named(item, R.CLEANUP_REASON_ORPHAN_OBJECT, named=named)
        elif kind in _NAMED:
            named = item.key in self._world.named
            self._unless_named(item, R.CLEANUP_REASON_DELETED, named=named)
        elif kind in {"out", "proof"}:
            reason = self._over.get(item.key, R.CLEANUP_REASON_DELETED)
            self._unless_named(item, reason, named=item.key in self._standing)
        elif kind in cache.PROXIES:
            if item.key not in self._world.proxies:
                self._unless_named(item, R.CLEANUP_REASON_DELETED, named=False)
            elif self._older(age, self._policy.proxies):
                self._remove(item, R.CLEANUP_REASON_PROXY_EXPIRED)
        elif kind in cache.PIECES:
            if self._older(age, self._policy.chunks):
                self._remove(item, R.CLEANUP_REASON_CHUNK_EXPIRED)
        elif kind in cache.PROBES and self._older(age, self._policy.chunks):
            self._remove(item, R.CLEANUP_REASON_ORPHAN_OBJECT)
        # What another version of the services stores is left alone.

    def _judge_size(self) -> None:
        """The chunks that the cache has no room for, the ones unused for longest first."""
        most = self._policy.max_chunk_bytes
        if most is None:
            return
        gone = {removal.object.key for removal in self._found.removals}
        chunks = [
            item for item in self._objects if self._kind(item) == "chunk" and item.key not in gone
        ]
        held = sum(item.size_bytes for item in chunks)
        for item in sorted(chunks, key=lambda item: (item.modified, item.key)):
            if held <= most:
                return
            if self._older(self._now - item.modified, timedelta()):
                self._remove(item, R.CLEANUP_REASON_CHUNK_OVER_SIZE)
            held -= item.size_bytes

    def _judge_uploads(self, unfinished: Iterable[Unfinished]) -> None:
        kept = self._policy.temporary
        if kept is None:
            return
        known = {item.upload_id for item in self._world.uploads}
        for upload in self._world.uploads:
            if upload.ends + kept <= self._now:
                self._found.aborts.append(_abort(upload))
        for begun in unfinished:
            if begun.upload_id not in known and self._older(self._now - begun.begun, kept):
                self._found.aborts.append(Abort(begun.key, begun.upload_id, ""))

    def _look_for_missing(self) -> None:
        there = {item.key for item in self._objects}
        if not there:
            return  # nothing at all: rather the wrong bucket than so great a loss
        found = self._found
        found.missing_outputs = [
            output
            for output in self._world.outputs
            if not output.expired
            and output.render_id not in found.expired
            and output.key not in there
        ]
        found.missing_proxies = {
            key: ids for key, ids in self._world.proxies.items() if key not in there
        }
        inputs = f"{self._world.prefix}in/"
        found.missing_inputs = sorted(
            key for key in self._world.named - there - self._uploading if key.startswith(inputs)
        )

    def _unless_named(self, item: Stored, reason: CleanupReason.ValueType, *, named: bool) -> None:
        if not named and self._older(self._now - item.modified, timedelta()):
            self._remove(item, reason)

    def _remove(self, item: Stored, reason: CleanupReason.ValueType) -> bool:
        if item.key in self._world.needs.keys:
            self._found.kept_for_jobs += 1
            return False
        self._found.removals.append(Removal(reason, item))
        return True

    def _older(self, age: timedelta, kept: timedelta | None) -> bool:
        if kept is None or age <= max(kept, self._policy.safety):
            return False
        if age <= self._in_use:
            self._found.kept_for_jobs += 1
            return False
        return True

    def _kind(self, item: Stored) -> str:
        return cache.kind_of(item.key, self._world.prefix)


def _abort(upload: OpenUpload) -> Abort:
    return Abort(upload.key, upload.upload_id, upload.asset_id)
