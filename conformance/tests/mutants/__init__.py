"""Backends, engines and guests with one planted bug each: the conformance suite must fail every one of them.

Each mutant is a module that is a plugin. It is loaded by its name, as any plugin is
(`INTERMODAL_PLUGINS=mutants.engine.X`), with this package's parent on the path. `table` has what must catch which.
"""
