"""toyspec: a YAML file describes a box; what you read of it is what runs.

Rooms, and the one way in which they import each other:
`cli → show, run, emit → program → plan → spec, host.facts → kernel.tables`.
No `__init__.py` imports anything: a start pays only for what it uses.
"""
