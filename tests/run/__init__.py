"""A box's life: terminals, signals, ends, and what is said where there is no box."""
