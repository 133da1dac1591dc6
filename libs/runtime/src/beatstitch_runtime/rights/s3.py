"""What each service may do with which objects, as AWS IAM policies; SeaweedFS takes the same.

Keys are `t/<tenant>/<kind>/…`, so a kind is a right. A pod that runs
ffmpeg on strangers' files can't touch an input, and of others' works only reads what it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

GATEWAY = "gateway"
INPUTS = "in"
# What each makes, by the kinds of `beatstitch_core.keys.artefact_key`.
MAKES: Mapping[str, tuple[str, ...]] = {
    "analyzer": ("activations", "grid", "probe", "proxy", "strip", "thumb", "waveform"),
    "timeline": ("edl",),
    "renderer": ("audio", "chunk", "out", "picture", "proof"),
}
# What each reads of others'.
READS: Mapping[str, tuple[str, ...]] = {
    "analyzer": (INPUTS,),
    "timeline": ("grid",),
    "renderer": (INPUTS, "edl", "proxy"),
}
# What is used again is made young by a copy onto itself, see `beatstitch_runtime.storage.touching`.
TOUCHES: Mapping[str, tuple[str, ...]] = {"renderer": ("proxy",), GATEWAY: ("strip",)}
_UPLOADS = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def s3_policies(bucket: str, *, aws: bool = False) -> dict[str, dict[str, Any]]:
    """The policy of each service, by its name.

    Args:
        bucket: The bucket.
        aws: For AWS itself, which answers 403 instead of 404 for a missing object to those who
            may not list the bucket; "is it made already?" needs the 404.
    """
    policies = {}
    for service, makes in MAKES.items():
        statements = [
            _allow(("s3:GetObject",), _objects(bucket, (*READS[service], *makes))),
            _allow(_UPLOADS, _objects(bucket, (*makes, *TOUCHES.get(service, ())))),
        ]
        if service == "renderer":
            # A damaged piece is thrown away and made anew.
            statements.append(_allow(("s3:DeleteObject",), _objects(bucket, ("chunk",))))
        if aws:
            statements.append(_list(bucket))
        policies[service] = _policy(statements)
    policies[GATEWAY] = _policy(
        [
            _allow(("s3:GetObject", "s3:DeleteObject"), [f"arn:aws:s3:::{bucket}/t/*"]),
            _allow(_UPLOADS, _objects(bucket, (INPUTS, "edl", *TOUCHES[GATEWAY]))),
            # Its cleaning ends uploads that nobody joined, the workers' too.
            _allow(("s3:AbortMultipartUpload",), [f"arn:aws:s3:::{bucket}/t/*"]),
            _allow(("s3:ListBucket", "s3:ListBucketMultipartUploads"), [f"arn:aws:s3:::{bucket}"]),
        ]
    )
    # Who puts a backup back; no running pod has these keys.
    everything = ("s3:GetObject", "s3:DeleteObject", *_UPLOADS)
    policies["operator"] = _policy(
        [_allow(everything, [f"arn:aws:s3:::{bucket}/t/*"]), _list(bucket)]
    )
    return dict(sorted(policies.items()))


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(actions: Iterable[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def _list(bucket: str) -> dict[str, Any]:
    return _allow(("s3:ListBucket",), [f"arn:aws:s3:::{bucket}"])


def _objects(bucket: str, kinds: Iterable[str]) -> list[str]:
    return [f"arn:aws:s3:::{bucket}/t/*/{kind}/*" for kind in sorted(kinds)]
