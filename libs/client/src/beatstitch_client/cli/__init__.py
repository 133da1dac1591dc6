"""The `beatstitch` command."""
