"""SeaweedFS as the S3 server."""

from __future__ import annotations

import http.client
import json
import secrets
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from beatstitch_stack import tools
from beatstitch_stack.errors import StackError
from beatstitch_stack.ports import GRPC_OFFSET, LOOPBACK
from beatstitch_stack.server import Server
from beatstitch_stack.sigv4 import Credentials, presign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from beatstitch_stack.secure import Secure

DEFAULT_BUCKET = "beatstitch"
REGION = "us-east-1"
PARTS = ("s3", "master", "volume", "filer", "admin")
READY_KEY = ".ready"
OK, NO_CONTENT, CONFLICT = 200, 204, 409
MEMORY_LIMIT = "300MiB"


class S3Server(Server):
    """`weed mini` on loopback: buckets, objects, multipart, presigned URLs.

    Attributes:
        bucket: The bucket made at the first start.
        region: What to sign with.
        access_key: Made at random for a new state folder, kept in it. So is the secret.
        secret_key: The secret.
    """

    name: ClassVar[str] = "s3"
    port_count: ClassVar[int] = len(PARTS)
    paired_ports: ClassVar[bool] = True

    def __init__(
        self,
        state_dir: Path | None,
        *,
        bucket: str = DEFAULT_BUCKET,
        secure: Secure | None = None,
        ready_timeout: float = 30.0,
    ) -> None:
        """Describe the server.

        Args:
            state_dir: Its folder.
            bucket: The bucket made at the first start.
            secure: For https, and for each service's own keys beside those of this object.
            ready_timeout: Seconds to wait for it in `start`.
        """
        super().__init__(state_dir, ready_timeout=ready_timeout)
        self._secure = secure
        self.bucket = bucket
        self.region = REGION
        self.access_key = ""
        self.secret_key = ""
        self._remote_endpoint = ""

    @classmethod
    def remote(cls, endpoint: str, credentials: Credentials, bucket: str) -> S3Server:
        """A server that somebody else runs."""
        server = cls(None, bucket=bucket)
        server._remote_endpoint = endpoint.rstrip("/")
        server.access_key, server.secret_key, server.region = credentials
        return server

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`, the same through restarts. Buckets are the first path part."""
        scheme = "http" if self._secure is None else "https"
        return self._remote_endpoint or f"{scheme}://{LOOPBACK}:{self.port}"

    @property
    def credentials(self) -> Credentials:
        """Keys and region."""
        return Credentials(self.access_key, self.secret_key, self.region)

    def create_bucket(self, name: str) -> None:
        """Make a bucket unless it exists.

        Raises:
            StackError: The server refused.
        """
        status = self.request("PUT", name)
        if status not in {OK, CONFLICT}:
            msg = f"bucket {name} could not be made: HTTP {status}"
            raise StackError(msg)

    def request(self, method: str, path: str, body: bytes | None = None) -> int:
        """Send one signed request and return the HTTP status (for set-up only: use obstore).

        Raises:
            OSError: The server could not be reached.
            http.client.HTTPException: The answer was no HTTP.
        """
        url = urlsplit(f"{self.endpoint}/{path}")
        connection = http.client.HTTPConnection(url.netloc, timeout=10)
        if url.scheme == "https":
            ca = None if self._secure is None else str(self._secure.authority.ca)
            context = ssl.create_default_context(cafile=ca)
            connection = http.client.HTTPSConnection(url.netloc, timeout=10, context=context)
        try:
            connection.request(method, presign(method, url.geturl(), self.credentials), body)
            return connection.getresponse().status
        finally:
            connection.close()

    def _prepare(self) -> None:
        (self.state_dir / "data").mkdir(exist_ok=True)
        keys = self._config_path
        if not keys.exists():
            self.access_key, self.secret_key = secrets.token_hex(10), secrets.token_hex(20)
            keys.touch(mode=0o600)
            keys.write_text(json.dumps(self._config()), "utf-8")
        pair = json.loads(keys.read_text("utf-8"))["identities"][0]["credentials"][0]
        self.access_key, self.secret_key = pair["accessKey"], pair["secretKey"]

    @property
    def _config_path(self) -> Path:
        return self.state_dir / "s3.json"

    def _config(self) -> object:
        own = {
            "name": "beatstitch",
            "credentials": [{"accessKey": self.access_key, "secretKey": self.secret_key}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        if self._secure is None:
            return {"identities": [own]}
        identities, policies = self._secure.s3_config(self.bucket)
        return {"identities": [own, *identities], "policies": policies}

    def _argv(self) -> Sequence[str]:
        # Telemetry and 0.0.0.0 are SeaweedFS's defaults, a port 0 it does not know. Socket paths
        # are relative to the working folder, because theirs may be 107 bytes long at most.
        flags = {
            "dir": "data",
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "master.telemetry": "false",
            "webdav": "false",
            "admin.ui": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "s3.config": self._config_path.name,
            "s3.localSocket": "s3.sock",
            "filer.localSocket": "filer.sock",
            "volume.preStopSeconds": "0",
            "bucket": self.bucket,
        }
        if self._secure is not None:
            mine = self._secure.certificates["s3"]
            flags["s3.cert.file"], flags["s3.key.file"] = str(mine.cert), str(mine.key)
        for part, port in zip(PARTS, self._ports, strict=True):
            flags[f"{part}.port"] = str(port)
            flags[f"{part}.port.grpc"] = str(port + GRPC_OFFSET)
        words = [f"-{name}={value}" for name, value in flags.items()]
        return [str(tools.weed()), "-logtostderr=true", "mini", *words]

    def _env(self) -> Mapping[str, str]:
        return {"GOMEMLIMIT": MEMORY_LIMIT}

    def _is_ready(self) -> bool:
        # The keys are this server's own, so nobody else could accept the write. The port answers
        # before a volume is there, and an object without bytes needs none.
        probe = f"{self.bucket}/{READY_KEY}"
        try:
            return (
                self.request("PUT", probe, b"ready") == OK
                and self.request("GET", probe) == OK
                and self.request("DELETE", probe) == NO_CONTENT
            )
        except (OSError, http.client.HTTPException):
            return False

    def _clean_up(self) -> None:
        # SeaweedFS puts gRPC sockets here whatever TMPDIR says, and leaves some of them.
        for part, port in zip(PARTS, self._ports, strict=True):
            for number in (port, port + GRPC_OFFSET):
                Path(f"/tmp/seaweedfs-{part}-grpc-{number}.sock").unlink(  # noqa: S108
                    missing_ok=True
                )
