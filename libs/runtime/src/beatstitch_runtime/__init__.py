"""The chassis every BeatStitch service stands on."""
