"""A client to be killed: `python -m support.chaos.uploader TARGET PROJECT FILE REQUEST_ID`.

Its key is in BEATSTITCH_API_KEY. Prints BEGINS when it is about to begin.
"""

from __future__ import annotations

import os
import sys

from beatstitch.v1.common_pb2 import MEDIA_TYPE_IMAGE
from beatstitch_client import Client


def main(target: str, project_id: str, file: str, request_id: str) -> None:
    """Uploads a picture."""
    with Client(target, os.environ["BEATSTITCH_API_KEY"]) as client:
        print("BEGINS", flush=True)  # noqa: T201
        client.upload(project_id, file, MEDIA_TYPE_IMAGE, via="url", request_id=request_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
