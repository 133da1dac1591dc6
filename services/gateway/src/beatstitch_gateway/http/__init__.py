"""The same API for browsers and curl: Connect (JSON and binary) and gRPC-Web on a second port."""
