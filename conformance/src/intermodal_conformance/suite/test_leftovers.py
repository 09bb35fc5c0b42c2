"""leftovers, while apps still run. What is left at the end of the run is looked at by the plugin."""
