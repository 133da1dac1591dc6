"""What a customer does: a batch, followed to its end, and every video fetched.

`python -m support.batch_customer ADDRESS JOBS FOLDER FILE…`, the key in BEATSTITCH_API_KEY. Prints
ACCEPTED, then a line for each job: its place, its state, why it failed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from beatstitch.v1 import job_pb2
from beatstitch.v1.edl_pb2 import OutputFormat
from beatstitch.v1.stitch_service_pb2 import StitchRequest
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_client import Client


def settings(place: int) -> TimelineSettings:
    """No two jobs of a batch want the same cuts."""
    output = OutputFormat(width=320, height=180)
    return TimelineSettings(beats_per_cut=1 + place % 4, seed=place, output=output)


def main(address: str, jobs: int, folder: Path, files: list[str]) -> None:
    """The whole of it."""
    with Client(address, os.environ["BEATSTITCH_API_KEY"]) as client:
        project = client.create_project("hosts")
        for file in files:
            client.upload(project.id, file)
        batch = client.batch_stitch(
            [StitchRequest(project_id=project.id, settings=settings(n)) for n in range(jobs)]
        )
        places = {result.job.id: n for n, result in enumerate(batch.results)}
        print("ACCEPTED", flush=True)  # noqa: T201
        ended = set()
        for told in client.watch_jobs(batch_id=batch.batch_id, until_all_ended=True):
            job = told.job
            if not job.HasField("end_time") or job.id in ended:
                continue
            ended.add(job.id)
            place = places[job.id]
            print(place, job_pb2.JobState.Name(job.state), job.failure.message, flush=True)  # noqa: T201
            if job.state == job_pb2.JOB_STATE_SUCCEEDED:
                client.download(job.stitch.render.render_id, folder / f"{place}.mp4")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
