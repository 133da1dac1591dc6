"""The settings of a request: its own fields laid over a template's."""

from __future__ import annotations

from typing import NamedTuple

from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.edl.settings import merged_settings
from beatstitch_gateway.db import templates
from beatstitch_gateway.db.transaction import Transaction


class ChosenSettings(NamedTuple):
    """What to build with, and which version of which template it came from."""

    settings: TimelineSettings
    template_id: str
    template_version: int


async def chosen_settings(
    tx: Transaction, tenant: str, template_id: str, settings: TimelineSettings
) -> ChosenSettings:
    """The request's settings over those of the template's newest version.

    Raises:
        BeatStitchError: TEMPLATE_NOT_FOUND.
    """
    if not template_id:
        return ChosenSettings(settings, "", 0)
    template = await templates.get(tx, tenant, template_id)
    merged = merged_settings(template.settings, settings)
    return ChosenSettings(merged, template.id, template.version)
