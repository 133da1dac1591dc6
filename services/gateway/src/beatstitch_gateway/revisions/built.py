"""The revision that a build makes. Pure."""

from __future__ import annotations

from beatstitch.internal.v1.job_event_pb2 import TimelineBuildOutput
from beatstitch.internal.v1.job_spec_pb2 import TimelineBuildSpec
from beatstitch.v1 import timeline_pb2
from beatstitch.v1.timeline_edit_pb2 import DroppedEdit, TimelineOverlay
from beatstitch.v1.timeline_pb2 import Timeline
from beatstitch_gateway.db.jobs import JobRow
from beatstitch_gateway.db.timelines import TimelineRow
from beatstitch_gateway.revisions import history
from beatstitch_gateway.revisions.inputs import built_inputs


def built_revision(
    newest: Timeline | None, job: JobRow, output: TimelineBuildOutput, edl: bytes
) -> TimelineRow:
    """The revision after the newest one, of a build that succeeded; not stored.

    Args:
        newest: The newest revision, or None.
        job: The build's job.
        output: What it made.
        edl: The EDL, as protobuf's bytes.
    """
    build = job.job_spec().timeline_build
    origin = timeline_pb2.REVISION_ORIGIN_GENERATED
    timeline = history.begin(job.job.project_id, newest, origin, output.edl.sha256)
    timeline.settings.CopyFrom(build.settings)
    timeline.inputs.CopyFrom(built_inputs(build, job.inputs))
    timeline.edit_count = len(output.overlay.edits)
    timeline.dropped_edit_count = len(output.dropped_edits)
    kept = TimelineBuildSpec()
    kept.CopyFrom(build)
    kept.ClearField("overlay")
    return TimelineRow(
        timeline=timeline,
        edl=edl,
        edl_object=output.edl,
        edits=TimelineBuildOutput(overlay=output.overlay, dropped_edits=output.dropped_edits),
        beat_grid=build.beat_grid,
        build=kept,
        build_revision=timeline.revision,
    )


def missed_edits(before: TimelineOverlay, after: TimelineOverlay) -> list[DroppedEdit]:
    """Edits that were made while a timeline was built, which so knows nothing of them.

    None is lost: the revision that they made is there, and undoing the build leads back to it.

    Args:
        before: The overlay when the build was asked for.
        after: That of the newest revision when it was done.
    """
    same = 0
    for old, new in zip(before.edits, after.edits, strict=False):
        if old != new:
            break
        same += 1
    text = "it was made while this timeline was being built; undo leads back to it"
    return [DroppedEdit(edit=edit, message=text) for edit in after.edits[same:]]
