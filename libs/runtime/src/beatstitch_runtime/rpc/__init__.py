"""gRPC: server, channels, and errors that cross both."""
