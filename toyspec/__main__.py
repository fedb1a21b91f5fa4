"""`python -P -m toyspec`: the command where its script cannot be, as in an environment with a blank in
its path, which no `#!` line can name.
"""

import sys

from toyspec.start.interrupts import end_by_interrupts

end_by_interrupts()

from toyspec.start.again import begin

kept = begin()

from toyspec.cli.main import main

sys.exit(main(kept=kept))
