"""From text to Spec: positions, interpolation, schema, checks, problems.

May import only `toyspec.version` and this room. Nothing here looks at the machine: what a spec may
know of its surroundings is passed in.
"""
