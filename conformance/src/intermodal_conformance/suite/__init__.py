"""The tests. Each names the requirement that it is evidence for."""
