"""BeatStitch's contract as Python classes, generated from protos/."""
