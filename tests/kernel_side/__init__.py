"""Plans seen from the kernel's side: an encoder and a replayer of their own, a tracer, and tests.

Only `driver`, which runs in the product's own process, imports anything of toyspec.
"""
