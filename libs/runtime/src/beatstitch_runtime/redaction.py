"""What must never reach a log: keys, tokens, signed links.

Works on finished text, so a secret inside an exception's message or a traceback goes as well.
"""

from __future__ import annotations

import logging
import re

MASK = "[redacted]"

# Values end at white space or at a quote, so that a line of JSON stays one.
_VALUE = r"[^\s\"'&,;}\]]+"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bbsk_[A-Za-z0-9_\-]+"), MASK),
    # A JSON Web Token: its header begins with {" in base64.
    (re.compile(r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), MASK),
    (re.compile(r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)" + _VALUE), rf"\1{MASK}"),
    (
        re.compile(
            r"(?i)((?:authorization|x-api-key)\\?[\"']?\s*[:=,]\s*\\?[\"']?)"
            r"(?:(?:bearer|basic)\s+)?" + _VALUE
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer\s+)" + _VALUE), rf"\1{MASK}"),
    # user:password@ in a URL; a password with an unescaped slash is wrong, and secret all the same.
    (re.compile(r"(\b[a-z][a-z0-9+.\-]*://)[^\s/@\"':]*:[^\s@\"']+@"), rf"\1{MASK}@"),
)


def redact(text: str) -> str:
    """The text with everything secret masked."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Masks a record's message before any handler sees it; formatters mask the rest."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; it is always kept."""
        message = record.getMessage()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, None
        return True
