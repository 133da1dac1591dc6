"""What the audit looks for outside of any ledger is found when it is there."""

import os
import shutil
import subprocess

from support.chaos.audit import strays


def test_a_child_at_work_in_a_jobs_folder_is_found(tmp_path):
    folder = tmp_path / "worker" / "job-1"
    folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], cwd=folder) as child:
        try:
            assert strays(os.getpid()) == [child.pid]
            shutil.rmtree(folder)
            assert strays(os.getpid()) == [child.pid]
        finally:
            child.kill()
    assert strays(os.getpid()) == []
