import os

import pytest

from beatstitch_samples.coded_clips import coded_variant


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be put into a real-time class")
def test_av1_leaves_the_process_in_its_scheduling_class(tmp_path):
    before = os.sched_getscheduler(0)
    coded_variant(tmp_path, "av1", frames=4)
    assert os.sched_getscheduler(0) == before
