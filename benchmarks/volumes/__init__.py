"""What volumes cost as they grow, and files by the many against `cp -r`: `make bench-volumes`."""
