"""Beats: sound in, times out. Needs no server; `python -m beatstitch_analyzer.beats FILE…`."""
