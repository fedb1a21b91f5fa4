"""Machine code: two assemblers with one vocabulary. May import nothing else of toyspec."""
