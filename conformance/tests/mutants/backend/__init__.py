"""Faulty backends: plugins that wrap or replace a role of the chosen backend."""
