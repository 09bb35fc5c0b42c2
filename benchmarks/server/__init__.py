"""The server: web functions against uvicorn alone, WebSockets, deploys under load, cold requests, calls: `make
bench-server`."""
