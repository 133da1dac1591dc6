"""Entry points of the sandboxed children: what touches strangers' bytes, and what takes much memory."""
