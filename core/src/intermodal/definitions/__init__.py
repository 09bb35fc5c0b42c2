"""What users write. Lazy, no I/O at definition; each definition lowers to a frozen spec of `intermodal.specs`.

Standard library and cloudpickle only and Python 3.10 syntax: user code imports this room inside containers.
"""
