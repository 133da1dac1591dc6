"""Names of objects in the bucket.

Every key begins with its tenant's prefix, so a tenant's rights, bytes and end are a matter of a
prefix. Inputs are named by their asset. Artefacts are content-addressed: the name is a hash of
everything that decides the bytes, the producing code's fingerprint included, so making one twice is
harmless and a finished one is found.
"""

from __future__ import annotations

from beatstitch_core.canonical import sha256_hex

# Below this lie all tenants' objects.
TENANTS = "t/"


def tenant_prefix(tenant: str) -> str:
    """Prefix of all keys of a tenant."""
    return f"{TENANTS}{tenant}/"


def input_key(prefix: str, asset_id: str) -> str:
    """An uploaded file, as it came."""
    return f"{prefix}in/{asset_id}"


def artefact_key(prefix: str, kind: str, digest: str, suffix: str = "") -> str:
    """An artefact; `kind` is for example "grid", "waveform", "thumb", "edl" or "chunk".

    The first two hex digits become a folder, which keeps listings of a bucket's browser usable.
    """
    return f"{prefix}{kind}/{digest[:2]}/{digest}{suffix}"


def proof_key(prefix: str, output_hash: str, edl_hash: str) -> str:
    """Manifest and sync report of a finished video.

    Two EDLs may give the same video (another project, other asset ids) but not the same proof: the
    beats that its cuts are measured against are the EDL's.
    """
    return artefact_key(prefix, "proof", sha256_hex(f"{output_hash} {edl_hash}".encode()), ".json")
