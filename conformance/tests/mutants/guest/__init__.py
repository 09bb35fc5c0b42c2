"""Faulty guests: plugins that mount a copy of the guest with one line changed."""
