"""What runs beside and around containers: supervisor, zygotes, inits.

Standard library only, Python 3.10 syntax, no import from outside this folder: a zygote runs it with the image's
interpreter.
"""
