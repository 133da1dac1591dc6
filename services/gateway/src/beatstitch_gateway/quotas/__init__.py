"""How much of the installation a tenant may use, and how fast."""
