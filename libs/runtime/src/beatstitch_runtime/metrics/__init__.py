"""What Prometheus is told: `declare` has the registry, `server` the page; docs/observability.md."""
