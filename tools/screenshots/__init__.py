"""Pictures of the dashboard for the documentation, of a real server that runs a real app: `make screenshots`."""
