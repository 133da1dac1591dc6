"""BeatStitch's gateway: the public API and the system of record."""
