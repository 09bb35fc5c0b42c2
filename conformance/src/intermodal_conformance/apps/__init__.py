"""What the suite runs in containers. Standard library and intermodal only: an image has nothing else."""
