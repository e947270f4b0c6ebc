"""The HTTP service: an ASGI app, and what answers its requests."""
