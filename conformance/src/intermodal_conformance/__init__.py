"""The conformance suite: one command that says whether a backend keeps the rules (docs/conformance.md).

This package is shipped into containers with the apps that the suite runs, so importing it imports nothing else.
"""
