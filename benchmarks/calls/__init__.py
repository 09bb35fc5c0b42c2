"""Spawned calls at a server: how many it accepts, and what is left of them when it is killed (deploy.durable)."""
