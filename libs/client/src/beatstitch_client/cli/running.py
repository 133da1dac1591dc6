"""Runs a command's coroutine: signals cancel it, errors become a line and an exit code."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
from typing import TYPE_CHECKING, ParamSpec

import typer

from beatstitch_client.cli import exits

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

P = ParamSpec("P")

TRACE_VARIABLE = "BEATSTITCH_TRACE"


def command(function: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a typer command of a coroutine function.

    Ctrl-C and SIGTERM cancel it, so that it can clean up, for example cancel its job. With
    BEATSTITCH_TRACE set an error shows where it came from.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        terminated = False

        async def main() -> None:
            task = asyncio.current_task()

            def on_terminate() -> None:
                nonlocal terminated
                terminated = True
                if task is not None:
                    task.cancel()

            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, on_terminate)
            await function(*args, **kwargs)

        try:
            asyncio.run(main())
        except (KeyboardInterrupt, asyncio.CancelledError):
            code = exits.TERMINATED if terminated else exits.INTERRUPTED
            print("beatstitch: stopped", file=sys.stderr)
            raise typer.Exit(code) from None
        except typer.Exit:
            raise
        except Exception as error:
            if os.environ.get(TRACE_VARIABLE):
                raise
            print(f"beatstitch: {exits.explain(error)}", file=sys.stderr)
            raise typer.Exit(exits.code_of(error)) from None

    return run
