"""`python -m beatstitch_gateway.create_key --tenant NAME`: prints a new API key, once.

The way in before anybody has a key: an installation's first operator is made here, by somebody who
has the database's password. All other keys are better made by CreateApiKey, which is audited.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from beatstitch.v1 import tenant_pb2
from beatstitch.v1.tenant_pb2 import Role
from beatstitch_gateway.auth import role_name
from beatstitch_gateway.db import api_keys
from beatstitch_gateway.db.transaction import Database
from beatstitch_gateway.keys import ApiKey
from beatstitch_gateway.settings import DatabaseSettings
from beatstitch_gateway.tenants.settings import is_tenant_id
from beatstitch_runtime.tls import TlsFiles

ROLES = {role_name(role): role for role in Role.values() if role != tenant_pb2.ROLE_UNSPECIFIED}


async def create_key(
    url: str,
    tenant: str,
    tls: TlsFiles | None = None,
    *,
    role: Role.ValueType = tenant_pb2.ROLE_OWNER,
    display_name: str = "made on the command line",
) -> ApiKey:
    """Makes a key for a tenant, and the tenant where it is new.

    Raises:
        ValueError: The tenant's name is not 1 to 63 of a–z, 0–9 and hyphens.
    """
    if not is_tenant_id(tenant):
        raise ValueError("a tenant's name has 1 to 63 characters: a-z, 0-9 and hyphens")
    key = ApiKey.generate()
    database = Database(url, pool_size=1, tls=tls)
    try:
        async with database.transaction() as tx:
            await api_keys.insert(
                tx, tenant, key.key_id, key.secret_sha256, role=role, display_name=display_name
            )
    finally:
        await database.close()
    return key


def main() -> None:
    """Makes a key in the environment's database; only the key goes to stdout."""
    parser = argparse.ArgumentParser(prog="beatstitch_gateway.create_key", description=__doc__)
    parser.add_argument("--tenant", required=True, help="whose key; made where it is new")
    parser.add_argument(
        "--role", choices=ROLES, default="owner", help="what it may do (default: owner)"
    )
    given = parser.parse_args()
    settings = DatabaseSettings()
    url = settings.database_url.get_secret_value()
    try:
        key = asyncio.run(
            create_key(url, given.tenant, settings.database_tls, role=ROLES[given.role])
        )
    except ValueError as error:
        parser.error(str(error))
    sys.stdout.write(key.text + "\n")


if __name__ == "__main__":
    main()
