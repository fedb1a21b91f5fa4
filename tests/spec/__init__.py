"""The loader: from any bytes to a Spec or to problems."""
