"""Timelines and grids as files of other programs. Pure: nothing is read or written."""

from beatstitch_timeline.exports.grid import export_grid
from beatstitch_timeline.exports.timeline import export_timeline

__all__ = ["export_grid", "export_timeline"]
