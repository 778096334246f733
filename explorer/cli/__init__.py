"""The commands of the command line, a file each. Thin: a command reads arguments, calls the library, and prints.

Heavy packages are imported inside the commands, so that ``--help`` answers at once.
"""
