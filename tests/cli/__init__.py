"""The command line: its grammar, its errors, its streams."""
