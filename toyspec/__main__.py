"""`python -P -m toyspec`: the command where its script cannot be, as in an environment with a blank in
its path, which no `#!` line can name.
"""

import sys

from toyspec.start.again import begin

kept = begin()

from toyspec.cli.main import main

sys.exit(main(kept=kept))
