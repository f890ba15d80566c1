"""The locked dependencies: whether the locks are whole, and whether anything in them is known to be vulnerable."""
