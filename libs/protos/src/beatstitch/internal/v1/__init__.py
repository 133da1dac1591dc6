"""Job specifications, job events and the engine services."""
