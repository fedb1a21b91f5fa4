"""The resident code of compiled boxes."""
