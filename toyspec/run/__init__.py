"""The executor: makes the calls of a program, supervises the box, gives init's status.

May import program, plan, spec, host and kernel. No policy, and no branch on the spec.
"""
