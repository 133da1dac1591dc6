"""The one error of this room."""

from __future__ import annotations


class StackError(RuntimeError):
    """A server or service of the embedded stack could not be found, started or reached."""


class ChildExitedError(StackError):
    """A child ended before it was ready.

    Attributes:
        log_tail: The last lines the child wrote.
    """

    def __init__(self, message: str, log_tail: str) -> None:
        """Keep the log's tail apart from the message, for whoever looks for a reason in it."""
        super().__init__(f"{message}\n{log_tail}")
        self.log_tail = log_tail
