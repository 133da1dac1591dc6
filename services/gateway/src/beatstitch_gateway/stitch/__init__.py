"""Stitch: song + media + settings → video, as a parent of the jobs that do it."""
