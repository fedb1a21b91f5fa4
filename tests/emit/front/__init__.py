"""The front: its checks, made by its machine code."""
