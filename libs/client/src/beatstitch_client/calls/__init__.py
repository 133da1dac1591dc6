"""The client's methods, a module for each service of the server."""
