"""What goes on living in a compiled box: written once in a small part of Python, as machine code.

Imports the kernel's tables only. The sources are compiled, never run by a box.
"""
