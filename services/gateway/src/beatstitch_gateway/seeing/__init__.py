"""What the gateway tells Prometheus: its books, the bucket, the ends of jobs."""
