"""From sources to encoded pictures: decoders, fitting, moves, fades, x264. Runs in a sandboxed child."""
