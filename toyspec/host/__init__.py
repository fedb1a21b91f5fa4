"""What this machine is: facts, a plain value, and probe, the only look at it before a run.

May import kernel. `probe` alone may import kernel.call and ctypes; `facts` neither.
"""
