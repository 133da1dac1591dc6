"""How the gateway finds out who calls, what they may do, and what they did."""
