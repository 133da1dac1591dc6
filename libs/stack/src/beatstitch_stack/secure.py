"""The stack as production has it: TLS on every hop, and each service only its own rights.

Who may do what is no matter of this room: `beatstitch_runtime.rights` says it, for the manifests
too, and is asked as a command.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

from beatstitch_stack.certificates import Authority, Certificate
from beatstitch_stack.errors import StackError
from beatstitch_stack.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GATEWAY = "gateway"
OPERATOR = "operator"
ENGINES = ("analyzer", "timeline", "renderer")
USERS = (GATEWAY, *ENGINES, OPERATOR)
LOCAL = ("localhost", LOOPBACK)


class Secure:
    """Certificates, passwords and keys of a stack, kept in a folder.

    Attributes:
        authority: Issues certificates; tests issue wrong ones by another.
        certificates: By name: the servers "nats", "s3", "postgres", the services, "operator".
    """

    def __init__(self, folder: Path) -> None:
        """Make what is missing."""
        self.authority = Authority(folder)
        names = ("nats", "s3", "postgres", *USERS)
        self.certificates = {name: self.authority.issue(name, *LOCAL) for name in names}
        kept = folder / "secrets.json"
        if not kept.exists():
            fresh = {
                user: {
                    "nats": secrets.token_hex(16),
                    "s3_access": secrets.token_hex(10),
                    "s3_secret": secrets.token_hex(20),
                }
                for user in USERS
            }
            kept.touch(mode=0o600)
            kept.write_text(json.dumps(fresh), "utf-8")
        self._secrets: Mapping[str, Mapping[str, str]] = json.loads(kept.read_text("utf-8"))

    def database_client(self, user: str) -> Certificate:
        """The certificate with which the gateway is this user of the database."""
        return self.authority.issue(user, file="database-client")

    def nats_config(self) -> str:
        """TLS with client certificates, and each service's rights; passwords by environment."""
        mine = self.certificates["nats"]
        lines = {"cert_file": mine.cert, "key_file": mine.key, "ca_file": mine.ca}
        tls = "".join(f"  {key}: {json.dumps(str(path))}\n" for key, path in lines.items())
        return f"tls {{\n{tls}  verify: true\n}}\n{rights('nats')}"

    def nats_env(self) -> dict[str, str]:
        """What nats-server's environment needs for `nats_config`."""
        return {f"NATS_PASSWORD_{u.upper()}": self._secrets[u]["nats"] for u in USERS}

    def s3_config(self, bucket: str) -> tuple[list[object], list[object]]:
        """The identities and the policies of all services, in SeaweedFS's words."""
        policies = json.loads(rights("s3", "--bucket", bucket))
        identities: list[object] = [
            {
                "name": user,
                "credentials": [
                    {
                        "accessKey": self._secrets[user]["s3_access"],
                        "secretKey": self._secrets[user]["s3_secret"],
                    }
                ],
                "policyNames": [user],
            }
            for user in policies
        ]
        documents: list[object] = [
            {"name": user, "content": json.dumps(policy)} for user, policy in policies.items()
        ]
        return identities, documents

    def env(self, name: str) -> dict[str, str]:
        """What a service's environment has on top, the gateway's and "operator" included."""
        mine, own = self.certificates[name], self._secrets[name]
        found = {
            "BEATSTITCH_NATS_USER": name,
            "BEATSTITCH_NATS_PASSWORD": own["nats"],
            "BEATSTITCH_NATS_INBOX_PREFIX": f"_INBOX_{name}",
            "BEATSTITCH_NATS_TLS_CA": str(mine.ca),
            "BEATSTITCH_NATS_TLS_CERT": str(mine.cert),
            "BEATSTITCH_NATS_TLS_KEY": str(mine.key),
            "BEATSTITCH_S3_ACCESS_KEY": own["s3_access"],
            "BEATSTITCH_S3_SECRET_KEY": own["s3_secret"],
            "BEATSTITCH_S3_CA_FILE": str(mine.ca),
            "BEATSTITCH_GRPC_TLS_CERT": str(mine.cert),
            "BEATSTITCH_GRPC_TLS_KEY": str(mine.key),
            "BEATSTITCH_NATS_NARROW_RIGHTS": str(name in ENGINES).lower(),
        }
        if name in ENGINES:
            found["BEATSTITCH_GRPC_TLS_CLIENT_CA"] = str(mine.ca)
            found["BEATSTITCH_GRPC_TLS_CLIENT_NAMES"] = f"{GATEWAY},{OPERATOR}"
        if name == GATEWAY:
            found["BEATSTITCH_ENGINE_TLS_CA"] = str(mine.ca)
            found["BEATSTITCH_ENGINE_TLS_CERT"] = str(mine.cert)
            found["BEATSTITCH_ENGINE_TLS_KEY"] = str(mine.key)
        return found


def rights(*arguments: str) -> str:
    """What `python -m beatstitch_runtime.rights …` prints.

    Raises:
        StackError: It failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "beatstitch_runtime.rights", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        msg = f"python -m beatstitch_runtime.rights failed:\n{done.stderr.strip()}"
        raise StackError(msg)
    return done.stdout
