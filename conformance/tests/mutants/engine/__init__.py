"""Faulty engines, drivers and clients: plugins that replace a function of core when they are loaded."""
