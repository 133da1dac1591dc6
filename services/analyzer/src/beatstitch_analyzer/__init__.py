"""BeatStitch's analyzer: probes media and finds beats."""

__version__ = "0.1.0"
