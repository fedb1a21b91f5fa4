"""From text to a Spec: positions, interpolation, schema, meaning, diagnostics.

May import no other room. Imports yaml and jsonschema only where it uses them.
"""
