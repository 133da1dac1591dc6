"""BeatStitch's timeline service: beats + media + settings → EDL."""
