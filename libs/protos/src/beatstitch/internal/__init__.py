"""What only BeatStitch's own services say to each other."""
