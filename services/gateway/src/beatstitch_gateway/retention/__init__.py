"""How long things are kept, what is removed when, and what never is."""
