"""The command line: one module a verb, words in and words out.

May import everything below: show, run, emit, program, plan, spec, host, kernel.
"""
