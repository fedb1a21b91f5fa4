"""What Linux is: tables of numbers, flags, structures and errors; and call, which makes calls.

May import no other room. `call` alone may import ctypes.
"""
