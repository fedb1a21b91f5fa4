"""Step, Plan and the planner: a pure function from a Spec and HostFacts to a list of system calls.

May import spec, host.facts and kernel's tables. No I/O, no clock, no environment, no ctypes.
"""
