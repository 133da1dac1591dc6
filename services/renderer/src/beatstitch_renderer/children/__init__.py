"""Entry points of the sandboxed children: what reads strangers' bytes or takes much memory."""
