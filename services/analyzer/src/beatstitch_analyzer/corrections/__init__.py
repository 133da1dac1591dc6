"""Corrections of a song's beats: what is kept for them, listening again, the film of a grid."""
