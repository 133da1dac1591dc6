"""What requests may say. All wrong fields are told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from beatstitch.v1 import common_pb2
from beatstitch.v1.analysis_service_pb2 import (
    AnalysisSettings,
    AnalyzerChoice,
    WaveformFormat,
)
from beatstitch.v1.beat_grid_edit_pb2 import BeatGridEdit
from beatstitch.v1.common_pb2 import MediaType
from beatstitch.v1.failure_pb2 import FieldViolation
from beatstitch.v1.info_service_pb2 import Limits
from beatstitch.v1.job_pb2 import JobType
from beatstitch.v1.timeline_edit_pb2 import TimelineEdit
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.settings import check_settings
from beatstitch_core.errors import fields_error
from beatstitch_core.ids import is_id
from beatstitch_core.profiles import render_profiles

MAX_REQUEST_ID = 128
MAX_NAME = 200
MAX_FILENAME = 255
MAX_LABELS = 64
MAX_LABEL_KEY = 63
MAX_LABEL_VALUE = 255
MAX_METRES = 6
MAX_EDITS = 1000
WAVEFORM_BINS = (0, 256, 1024, 4096, 16384)
SHA256 = re.compile(r"[0-9a-f]{64}")
# Seconds since 1970 of the first and the last moment that protobuf's JSON can write.
_YEAR_1 = -62_135_596_800
_YEAR_9999 = 253_402_300_799
UPLOADABLE = (
    common_pb2.MEDIA_TYPE_AUDIO,
    common_pb2.MEDIA_TYPE_IMAGE,
    common_pb2.MEDIA_TYPE_VIDEO,
)
# Control characters and what changes the direction of a text: a name is shown to people.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Check:
    """Collects wrong fields; `done` tells all of them."""

    def __init__(self) -> None:
        self.violations: list[FieldViolation] = []

    def that(self, holds: bool, field: str, description: str) -> bool:
        """Notes a wrong field unless `holds`, which it returns."""
        if not holds:
            self.violations.append(FieldViolation(field=field, description=description))
        return holds

    def done(self) -> None:
        """Ends the checking.

        Raises:
            BeatStitchError: FIELD_INVALID with all that was noted.
        """
        if self.violations:
            raise fields_error(self.violations)

    def within(self, value: float, low: float, high: float, field: str) -> None:
        """`low` ≤ value ≤ `high`."""
        self.that(low <= value <= high, field, f"is {value}, allowed are {low} to {high}")

    def request_id(self, value: str) -> None:
        """At most 128 printable characters; empty for no promise."""
        self.that(
            len(value) <= MAX_REQUEST_ID and value.isprintable(),
            "request_id",
            f"has to be 1 to {MAX_REQUEST_ID} printable characters",
        )

    def types(self, values: Sequence[JobType.ValueType], field: str = "types") -> None:
        """Types of jobs."""
        for index, value in enumerate(values):
            self.that(value in JobType.values(), f"{field}[{index}]", "is not known")

    def id(self, value: str, field: str) -> None:
        """A UUID, or empty; for what has no row that could be looked for."""
        self.that(not value or is_id(value), field, "has to be a UUID")

    def display_name(self, value: str, field: str = "display_name") -> None:
        """1 to 200 characters, not only blanks."""
        ok = 1 <= len(value) <= MAX_NAME and bool(value.strip())
        self.that(ok, field, f"has to have 1 to {MAX_NAME} characters")

    def time(self, message: Message, field: str) -> None:
        """A timestamp, where it is set, that is one: from year 1 to 9999."""
        if message.HasField(field):
            value: Timestamp = getattr(message, field)
            ok = _YEAR_1 <= value.seconds <= _YEAR_9999 and 0 <= value.nanos < 1_000_000_000
            self.that(ok, field, "is not a valid time")

    def labels(self, labels: Mapping[str, str], field: str = "labels") -> None:
        """At most 64, keys of 1 to 63, values of up to 255 characters."""
        self.that(len(labels) <= MAX_LABELS, field, f"at most {MAX_LABELS} labels are allowed")
        for key, value in sorted(labels.items()):
            name = f"{field}[{key[:MAX_LABEL_KEY]}]"
            self.that(
                1 <= len(key) <= MAX_LABEL_KEY,
                name,
                f"a label's key has to have 1 to {MAX_LABEL_KEY} characters",
            )
            self.that(
                len(value) <= MAX_LABEL_VALUE,
                name,
                f"a label's value has at most {MAX_LABEL_VALUE} characters",
            )

    def filename(self, value: str, field: str = "filename") -> None:
        """1 to 255 characters."""
        ok = 1 <= len(value) <= MAX_FILENAME and bool(clean_filename(value))
        self.that(ok, field, f"has to have 1 to {MAX_FILENAME} characters")

    def media_type(self, value: MediaType.ValueType, field: str = "media_type") -> None:
        """AUDIO, IMAGE or VIDEO."""
        self.that(
            value in UPLOADABLE,
            field,
            "is required: MEDIA_TYPE_AUDIO, MEDIA_TYPE_IMAGE or MEDIA_TYPE_VIDEO",
        )

    def sha256(self, value: str, field: str = "sha256") -> None:
        """64 lower-case hex digits, or empty."""
        self.that(
            not value or bool(SHA256.fullmatch(value)),
            field,
            "has to be 64 lower-case hex digits, or empty",
        )

    def edl_hash(self, value: str) -> None:
        """64 lower-case hex digits."""
        if self.that(
            bool(value), "edl_hash", "is required: the hash of the project's newest timeline"
        ):
            self.sha256(value, "edl_hash")

    def profile(self, name: str, field: str = "profile") -> None:
        """The name of a profile, or empty."""
        known = render_profiles()
        self.that(
            not name or name in known,
            field,
            f"there is no profile {name[:MAX_LABEL_KEY]!r}; there are: {', '.join(known)}",
        )

    def analysis(self, settings: AnalysisSettings, field: str) -> None:
        """A known tracker, and metres of 2 to 7."""
        metres = settings.beats_per_bar
        self.that(
            len(metres) <= MAX_METRES and all(2 <= metre <= 7 for metre in metres),
            f"{field}.beats_per_bar",
            f"has up to {MAX_METRES} metres of 2 to 7",
        )
        self.that(settings.analyzer in AnalyzerChoice.values(), f"{field}.analyzer", "is not known")

    def media_ids(self, ids: Sequence[str], limits: Limits) -> None:
        """As many as a project may have at most, each once."""
        most = limits.max_media_per_project
        self.that(len(ids) <= most, "media_asset_ids", f"at most {most} are allowed")
        self.that(len(set(ids)) == len(ids), "media_asset_ids", "each may be named once")

    def timeline(self, settings: TimelineSettings, limits: Limits, field: str = "settings") -> None:
        """All of a timeline's settings; 0 is the default everywhere."""
        self.violations += check_settings(settings, limits, at=field)

    def waveform(self, start_us: int, end_us: int, buckets: int) -> None:
        """A range of a song and a number of buckets."""
        self.that(start_us >= 0, "start_us", "can't be negative")
        self.that(
            end_us == 0 or end_us > max(start_us, 0),
            "end_us",
            "has to be 0 (the song's end) or after start_us",
        )
        self.within(buckets, 0, 20_000, "buckets")

    def edits(self, edits: Sequence[BeatGridEdit], *, may_be_none: bool) -> None:
        """Corrections of a grid; whether each can be applied is the analyzer's to say."""
        self.that(bool(edits) or may_be_none, "edits", "at least one is required")
        self.that(len(edits) <= MAX_EDITS, "edits", f"at most {MAX_EDITS} are allowed")
        for index, edit in enumerate(edits):
            known = edit.WhichOneof("edit") is not None
            self.that(known, f"edits[{index}]", "says nothing that this server knows")

    def timeline_edits(self, edits: Sequence[TimelineEdit]) -> None:
        """Edits of a timeline; whether each can be applied is the timeline service's to say."""
        self.within(len(edits), 1, MAX_EDITS, "edits")
        for index, edit in enumerate(edits):
            known = edit.WhichOneof("edit") is not None
            self.that(known, f"edits[{index}]", "says nothing that this server knows")

    def revision(self, number: int, field: str = "revision") -> None:
        """The number of a revision; 0 for the newest."""
        self.that(number >= 0, field, "can't be negative")

    def waveform_file(
        self, kind: WaveformFormat.ValueType, samples_per_bin: int, width: int
    ) -> None:
        """A waveform's format and its measures."""
        self.that(kind in WaveformFormat.values(), "format", "is not known")
        self.that(
            samples_per_bin in WAVEFORM_BINS,
            "samples_per_bin",
            "has to be 256, 1024, 4096 or 16384",
        )
        self.that(width == 0 or 200 <= width <= 8000, "width", "allowed are 200 to 8000 pixels")


def clean_filename(name: str) -> str:
    """The name for people: without folders (of any system) and characters that nobody sees."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return _UNPRINTABLE.sub("", last).strip()[:MAX_FILENAME]
