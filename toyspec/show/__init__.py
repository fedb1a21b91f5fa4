"""Everything that is drawn for a person: the trace, plan views, diagnostics. The only room with rich.

May import program, plan, spec, host.facts and kernel's tables.
"""
