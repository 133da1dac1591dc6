"""Settings with a name: those that come with BeatStitch, and how a request's are laid over them."""
