"""Which system calls a box may make: profiles, and the filters (classic BPF) that they become.

It may import what plan may, and nothing of the planner's: a profile in, instructions out.
"""
