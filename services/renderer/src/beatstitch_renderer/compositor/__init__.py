"""From sources to encoded pictures: decoders, fitting, moves, fades, x264. For a child only."""
