"""What each service may do on NATS and in the bucket, and nothing else.

One table each, from the same names that the code uses; `python -m beatstitch_runtime.rights` prints
them in the words of the servers. The embedded stack, the manifests and the tests take it from
there.
"""

from beatstitch_runtime.rights.nats import NatsRights, nats_rights
from beatstitch_runtime.rights.s3 import s3_policies

__all__ = ["NatsRights", "nats_rights", "s3_policies"]
