"""The commands of the command line, a file each, and what they share.

A command is thin: it reads arguments, calls the library, and prints. Heavy packages are imported inside the commands,
so that ``--help`` answers at once.
"""
