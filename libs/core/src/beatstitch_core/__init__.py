"""BeatStitch's pure core: time base, canonical documents, EDL invariants, errors, limits."""
