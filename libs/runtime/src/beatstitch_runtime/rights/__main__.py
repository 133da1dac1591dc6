"""`python -m beatstitch_runtime.rights nats|nsc|s3`: the rights in a server's own words."""

from __future__ import annotations

import argparse
import json
import sys

from beatstitch_runtime.rights.nats import nats_config, nsc_commands
from beatstitch_runtime.rights.s3 import s3_policies


def main() -> None:
    """Print what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="beatstitch_runtime.rights", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("nats", help="nats-server's authorization block; passwords by environment")
    nsc = what.add_parser("nsc", help="commands of nsc, for servers whose users are JWTs")
    nsc.add_argument("--account", default="BEATSTITCH")
    s3 = what.add_parser("s3", help="an IAM policy for each service, as JSON by name")
    s3.add_argument("--bucket", default="beatstitch")
    s3.add_argument("--aws", action="store_true", help="for AWS itself: may list the bucket")
    asked = parser.parse_args()
    if asked.what == "nats":
        sys.stdout.write(nats_config())
    elif asked.what == "nsc":
        sys.stdout.write(nsc_commands(asked.account))
    else:
        policies = s3_policies(asked.bucket, aws=asked.aws)
        sys.stdout.write(json.dumps(policies, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
