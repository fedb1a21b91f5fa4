"""Other ways out of a plan: JSON today.

May import program, plan, spec, host.facts and kernel's tables. Makes no call.
"""
