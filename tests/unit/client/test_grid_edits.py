"""Options of `beatstitch analyze` as corrections."""

from __future__ import annotations

import pytest

from beatstitch_client.cli.exits import UsageError
from beatstitch_client.cli.options import grid_edits


def wanted(**options: object) -> list[str]:
    given = {"bpm": 0.0, "double": False, "halve": False, "half_beat": False, **options}
    return [edit.WhichOneof("edit") for edit in grid_edits(**given)]


def test_options_are_corrections_in_order():
    assert wanted() == []
    assert wanted(half_beat=True, bpm=90, double=True) == [
        "hint_tempo",
        "scale_tempo",
        "shift_half_beat",
    ]
    (edit,) = grid_edits(bpm=0, double=False, halve=True, half_beat=False)
    assert (edit.scale_tempo.num, edit.scale_tempo.den) == (1, 2)


@pytest.mark.parametrize(
    "options", [{"double": True, "halve": True}, {"bpm": 500}, {"bpm": -1}, {"bpm": float("nan")}]
)
def test_what_cannot_be_is_refused(options):
    with pytest.raises(UsageError):
        wanted(**options)
