"""Signing, against the worked example in AWS's documentation."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from beatstitch_stack.sigv4 import Credentials, presign

EXAMPLE = Credentials(
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"
)
NOW = datetime(2013, 5, 24, tzinfo=UTC)


def test_aws_worked_example():
    signed = presign(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        EXAMPLE,
        expires_s=86400,
        now=NOW,
    )
    assert parse_qs(urlsplit(signed).query)["X-Amz-Signature"] == [
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    ]


def test_keys_are_escaped_and_the_secret_stays_home():
    signed = presign("PUT", "http://127.0.0.1:1/bucket/a b/ü.txt", EXAMPLE, now=NOW)
    assert signed.startswith("/bucket/a%20b/%C3%BC.txt?X-Amz-Algorithm=")
    assert EXAMPLE.secret_key not in signed
