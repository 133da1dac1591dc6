"""Where a WatchJobs stream is, as the token that goes on from there. Pure.

First comes what there is, by id, as of a moment; then round after round what changed between the
last round's moment and the next one's. A token names the place inside either. It says nothing about
the replica that gave it out and needs no memory: it is good for as long as the jobs' rows are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import astuple, dataclass

from beatstitch.v1 import failure_pb2
from beatstitch_core.errors import BeatStitchError, field_error
from beatstitch_core.ids import is_id
from beatstitch_gateway.db.changes import Moment, Wanted

_FIELDS = 6
_MOST_BYTES = 64 * 1024
_MOST_XID = 2**63 - 1


@dataclass(frozen=True)
class Place:
    """How far a stream has told.

    Attributes:
        since: All changes that this moment shows have been told; None while what there was at the
            beginning is still being told.
        until: The moment up to which is being told; None between rounds.
        xid: Of the round's last job: its change; 0 before the first, and at the beginning.
        job_id: Of the round's last job: its id; empty before the first.
    """

    since: Moment | None = None
    until: Moment | None = None
    xid: int = 0
    job_id: str = ""

    def encode(self, wanted: Wanted) -> str:
        """The token."""
        moments = [str(item) if item is not None else "" for item in (self.since, self.until)]
        text = json.dumps(["watch", _hash(wanted), *moments, self.xid, self.job_id])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(token: str, wanted: Wanted) -> Place:
    """The place that a token names; the beginning for none.

    Raises:
        BeatStitchError: FIELD_INVALID: it is no token, or one of a watch of other jobs.
    """
    if not token:
        return Place()
    try:
        if len(token) > _MOST_BYTES:
            raise _bad()
        padded = token + "=" * (-len(token) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _bad() from error
    if not isinstance(parts, list) or len(parts) != _FIELDS:
        raise _bad()
    kind, wanted_hash, since, until, xid, job_id = parts
    if kind != "watch" or wanted_hash != _hash(wanted):
        raise _bad()
    if type(xid) is not int or not 0 <= xid <= _MOST_XID:
        raise _bad()
    if not isinstance(job_id, str) or (job_id and not is_id(job_id)):
        raise _bad()
    place = Place(_moment(since), _moment(until), xid, job_id)
    if place.since is None and place.until is None:
        raise _bad()
    return place


def need_known(place: Place, now: Moment) -> None:
    """Nothing, unless the token comes from a database that this one isn't any more.

    Raises:
        BeatStitchError: TOKEN_EXPIRED: it knows of changes that never happened here, as after a
            restore from a backup.
    """
    for moment in (place.since, place.until):
        if moment is not None and moment.high > now.high:
            raise BeatStitchError(
                failure_pb2.ERROR_REASON_TOKEN_EXPIRED,
                "the resume_token is not of this database's time: begin anew without one",
            )


def _moment(text: object) -> Moment | None:
    if text == "":
        return None
    moment = Moment.parse(text) if isinstance(text, str) else None
    if moment is None:
        raise _bad()
    return moment


def _hash(wanted: Wanted) -> str:
    ordered = repr([sorted(item) if isinstance(item, tuple) else item for item in astuple(wanted)])
    return hashlib.sha256(ordered.encode()).hexdigest()[:16]


def _bad() -> BeatStitchError:
    return field_error("resume_token", "is not a token that a watch of these jobs gave out")
