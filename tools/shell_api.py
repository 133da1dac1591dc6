"""What `make shell-api` starts with: `client`, connected to the running `make dev`."""

from __future__ import annotations

import os

from beatstitch_client import Client

client = Client(os.environ["BEATSTITCH_SERVER"], os.environ["BEATSTITCH_API_KEY"])
print("client: beatstitch_client.Client of", os.environ["BEATSTITCH_SERVER"])
print("try: client.server_info()   client.list_jobs()   client.create_project('x')")
