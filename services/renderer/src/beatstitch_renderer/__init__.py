"""BeatStitch's renderer: plan, chunks, assembly, proof."""
