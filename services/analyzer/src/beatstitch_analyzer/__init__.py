"""BeatStitch's analyzer: probes media and finds beats."""
