"""BeatStitch's Python SDK and command."""
