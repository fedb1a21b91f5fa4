"""A seccomp profile as people write it (docker's format): its text, and the value that it says.

Imported only where a spec names a profile.
"""
