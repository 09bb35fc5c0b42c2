"""The one interface that definitions call, whatever is at the other end."""
