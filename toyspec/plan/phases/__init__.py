"""One module a phase: `needs(spec)`, what it asks of the host, and `steps(...)`, what it adds.

May import what plan may import, and no other phase's module.
"""
