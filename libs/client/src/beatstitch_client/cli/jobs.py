"""`beatstitch jobs`: looking at jobs, following and ending them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1.job_pb2 import JOB_STATE_SUCCEEDED, JobState
from beatstitch_client.cli.exits import EPILOG, UsageError
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at
from beatstitch_client.cli.view import open_view, show_job, state_name, type_name
from beatstitch_client.errors import raise_for_end
from beatstitch_core.errors import reason_name
from beatstitch_core.job_states import is_terminal

if TYPE_CHECKING:
    from beatstitch.v1.job_pb2 import Job
    from beatstitch_client.aio import AsyncClient

app = typer.Typer(no_args_is_help=True, help="Jobs of a server.", epilog=EPILOG)

JobId = Annotated[str, typer.Argument(help="The job's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, a line for each job.")]


@app.command("list", epilog=EPILOG)
@command
async def list_jobs(
    *,
    project: Annotated[str, typer.Option(help="Only this project's.")] = "",
    state: Annotated[
        list[str] | None,
        typer.Option(help="Only in this state: pending, running, succeeded, failed, cancelled."),
    ] = None,
    batch: Annotated[str, typer.Option(help="Only this batch's.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Lists jobs, newest first."""
    states = [parse_state(name) for name in state or ()]
    async with server_at(server, api_key, tls=tls) as client:
        found = await client.list_jobs(project, states=states, batch_id=batch, limit=limit)
        for job in found:
            print(job_json(job) if as_json else job_line(job))


@app.command(epilog=EPILOG)
@command
async def get(
    job_id: JobId,
    *,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Shows a job as it is now."""
    async with server_at(server, api_key, tls=tls) as client:
        job = await client.get_job(job_id)
    print(job_json(job) if as_json else job_text(job))


@app.command(epilog=EPILOG)
@command
async def watch(
    job_id: Annotated[str, typer.Argument(help="The job's id; none for many.")] = "",
    *,
    batch: Annotated[str, typer.Option(help="All of this batch, to the last one's end.")] = "",
    project: Annotated[str, typer.Option(help="All of this project, until Ctrl-C.")] = "",
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Follows a job, or many; ends with 0 when they succeeded. Ctrl-C leaves the jobs alone."""
    if bool(job_id) == bool(batch or project):
        raise UsageError("name either a job, or --batch or --project")
    async with server_at(server, api_key, tls=tls) as client:
        if not job_id:
            await watch_many(client, batch=batch, project=project, as_json=as_json)
        elif as_json:
            async for job in client.watch_job(job_id):
                print(job_json(job), flush=True)
            raise_for_end(job)
        else:
            with open_view() as view:
                await client.wait_job(job_id, on_change=lambda change: show_job(view, change))


async def watch_many(client: AsyncClient, *, batch: str, project: str, as_json: bool) -> None:
    """Prints a line for each change.

    Raises:
        JobFailedError: One of a batch didn't succeed; the last such one.
        JobCancelledError: Likewise.
    """
    bad: Job | None = None
    changes = client.watch_jobs(batch_id=batch, project_id=project, until_all_ended=bool(batch))
    async for reply in changes:
        if not reply.HasField("job"):
            continue
        print(job_json(reply.job) if as_json else job_line(reply.job), flush=True)
        if is_terminal(reply.job.state) and reply.job.state != JOB_STATE_SUCCEEDED:
            bad = reply.job
    if bad is not None:
        raise_for_end(bad)


@app.command(epilog=EPILOG)
@command
async def cancel(
    job_id: JobId,
    *,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Asks for a job's end."""
    async with server_at(server, api_key, tls=tls) as client:
        job = await client.cancel_job(job_id)
    print(job_json(job) if as_json else job_line(job))


@app.command(epilog=EPILOG)
@command
async def retry(
    job_id: JobId,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the new job to its end.")] = False,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Makes a new job of one that failed or was cancelled; with --wait it ends as `watch` does."""
    async with server_at(server, api_key, tls=tls) as client:
        job = await client.retry_job(job_id)
        print(job_json(job) if as_json else job_line(job), flush=True)
        if wait:
            with open_view() as view:
                await client.wait_job(job.id, on_change=lambda change: show_job(view, change))


def parse_state(name: str) -> JobState.ValueType:
    """The state of a name as `state_name` gives it.

    Raises:
        UsageError: There is no such state.
    """
    known = {state_name(state): state for state in JobState.values() if state}
    if name.lower() not in known:
        raise UsageError(f"--state is one of {', '.join(known)}, not {name!r}")
    return known[name.lower()]


def job_line(job: Job) -> str:
    """A job in a line."""
    made = job.create_time.ToDatetime().isoformat(" ", "seconds")
    return (
        f"{job.id}  {type_name(job.type):<14} {state_name(job.state):<9} "
        f"{job.progress_percent:>3} %  {made}  {job.detail}"
    ).rstrip()


def job_text(job: Job) -> str:
    """A job with its stages and why it failed."""
    lines = [job_line(job)]
    lines += [
        f"  {stage.name:<10} {state_name(stage.state):<9} {stage.progress_percent:>3} %"
        f"  {stage.detail}".rstrip()
        for stage in job.stages
    ]
    if job.HasField("failure"):
        lines.append(f"  {reason_name(job.failure.reason)}: {job.failure.message}")
    return "\n".join(lines)


def job_json(job: Job) -> str:
    """A job as a line of JSON."""
    return json.dumps(MessageToDict(job, preserving_proto_field_name=True))
