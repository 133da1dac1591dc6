"""`beatstitch jobs`: looking at jobs, following and ending them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from beatstitch.v1.job_pb2 import JobState
from beatstitch_client.cli.exits import EPILOG, UsageError
from beatstitch_client.cli.running import command
from beatstitch_client.cli.target import ApiKey, Server, Tls, server_at
from beatstitch_client.cli.view import open_view, show_job, state_name, type_name
from beatstitch_client.errors import raise_for_end
from beatstitch_core.errors import reason_name

if TYPE_CHECKING:
    from beatstitch.v1.job_pb2 import Job

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
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Lists jobs, newest first."""
    states = [parse_state(name) for name in state or ()]
    async with server_at(server, api_key, tls=tls) as client:
        for job in await client.list_jobs(project, states=states, limit=limit):
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
    job_id: JobId,
    *,
    as_json: AsJson = False,
    server: Server = "",
    api_key: ApiKey = "",
    tls: Tls = False,
) -> None:
    """Follows a job to its end; ends with 0 when it succeeded. Ctrl-C leaves the job alone."""
    async with server_at(server, api_key, tls=tls) as client:
        if as_json:
            async for job in client.watch_job(job_id):
                print(job_json(job), flush=True)
            raise_for_end(job)
            return
        with open_view() as view:
            await client.wait_job(job_id, on_change=lambda change: show_job(view, change))


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
