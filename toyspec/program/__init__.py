"""Lowering: a plan becomes numbers, operands and a data segment for one architecture.

May import plan, spec and kernel's tables.
"""
