"""Says which files may be read, and reads them."""
