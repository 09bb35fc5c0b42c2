"""The command line. Thin: every command is a call into the rooms below."""
