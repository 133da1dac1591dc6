"""Webhooks: an HTTP request of ours when a job has ended."""
