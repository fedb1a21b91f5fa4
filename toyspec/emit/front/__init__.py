"""The command's first process, and the boxes that it serves: resident code, without an interpreter.

May import emit.resident's modules that belong to no box, and in `make` emit's compiler and ELF writer.
"""
