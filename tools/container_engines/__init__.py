"""Real container engines on this machine, for tests and for trying the backends: what `tools/engines` does.

Standard library only: it runs before there is a virtual environment.
"""
