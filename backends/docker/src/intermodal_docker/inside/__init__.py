"""What runs in a container before the guest does: process 1. Standard library only, Python 3.10."""
