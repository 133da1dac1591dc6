"""The public API: one module for each service, thin. gRPC names the methods."""
