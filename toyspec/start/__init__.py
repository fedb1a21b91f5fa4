"""How every command begins: the questions to the host, and what has been planned before.

Light: a warm start imports nothing but this room, and nothing that Python has not loaded by itself.
May import nothing of toyspec's.
"""
