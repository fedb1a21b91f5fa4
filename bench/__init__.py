"""What a box costs: equal boxes by toyspec, by its peers, and by the calls of the plan alone."""
