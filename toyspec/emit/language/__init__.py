"""The language of resident code, and its compiler. May import kernel's tables and emit.machine."""
