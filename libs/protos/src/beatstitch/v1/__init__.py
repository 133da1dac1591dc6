"""The public contract: what clients see."""
