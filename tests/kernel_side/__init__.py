"""Plans seen from the kernel's side: an encoder and a replayer of their own, a tracer, and tests.

`constants`, `names`, `encode`, `replay` and `tracer` import nothing of toyspec.
"""
