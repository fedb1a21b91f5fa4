"""What people read: plans, traces, failures."""
