"""Finished files play in headless Chromium: the right frame where it is sought."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from support.renderer_room import SMALL

from beatstitch.v1 import render_pb2
from beatstitch_renderer.joining import join
from beatstitch_renderer.planning.borders import PieceSizes
from beatstitch_renderer.planning.encoding import suffix_of
from beatstitch_samples.coded import decode_frame_code
from beatstitch_samples.coded_clips import coded_clip

if TYPE_CHECKING:
    from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = os.environ.get("BEATSTITCH_TEST_BROWSER") or next(
    filter(None, map(shutil.which, BROWSERS)), ""
)
PAGE = """<canvas id=c width=320 height=180></canvas><video id=v muted></video><script>
const say = text => fetch("/", {method: "POST", body: text});
v.onloadeddata = () => { v.currentTime = 1.03; };
v.onseeked = () => {
  c.getContext("2d").drawImage(v, 0, 0);
  say(c.toDataURL("image/png").split(",")[1]);
};
v.onerror = () => say("error " + v.error.message);
v.src = "%s";
</script>"""

pytestmark = pytest.mark.skipif(
    not BROWSER, reason="no Chromium here; BEATSTITCH_TEST_BROWSER names one"
)


@pytest.mark.parametrize(
    ("codec", "container"),
    [("H264", "MP4"), ("AV1", "MP4"), ("AV1", "WEBM"), ("VP9", "WEBM"), ("VP9", "MP4")],
)
async def test_a_film_plays_and_seeks_to_its_frames(studio, tmp_path: Path, codec, container):
    profile = {
        "codec": render_pb2.VideoCodec.Value(f"VIDEO_CODEC_{codec}"),
        "container": render_pb2.Container.Value(f"CONTAINER_{container}"),
    }
    clip = coded_clip(tmp_path / "clip.mp4", source_id=4, frames=90, size=SMALL)
    shots = [studio.Shot(clip.path, 25, at, 3_000_000) for at in (0, 1_000_000)]
    sizes = PieceSizes(min_frames=10, max_frames=25, long_frames=50)
    plan, pieces = studio.render(shots, studio.edl(shots), sizes, **profile)
    video = tmp_path / f"video{suffix_of(plan.profile)}"
    join(plan, pieces, None, video)
    kind = "video/webm" if container == "WEBM" else "video/mp4"
    data = f"data:{kind};base64,{base64.b64encode(video.read_bytes()).decode()}"
    said = await shown(PAGE % data, tmp_path / "profile")
    assert not said.startswith("error"), said
    picture = tmp_path / "frame.png"
    picture.write_bytes(base64.b64decode(said))
    # 1.03 s is in frame 30: the sixth of the second segment, which begins a second into the clip.
    code = decode_frame_code(np.asarray(Image.open(picture).convert("RGB")))
    assert code == (4, 35)


async def shown(page: str, folder: Path) -> str:
    """What the page says, by a browser of its own, to a server of ours."""
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = b""
        if head.startswith("post"):
            length = int(head.split("content-length:")[1].split()[0])
            said = (await reader.readexactly(length)).decode()
            if not heard.done():
                heard.set_result(said)
        elif head.startswith("get / "):
            body = page.encode()
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        browser = await asyncio.create_subprocess_exec(
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder}",
            "--remote-debugging-port=0",
            f"http://127.0.0.1:{port}/",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return await asyncio.wait_for(heard, 60)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            await browser.wait()
