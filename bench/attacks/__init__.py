"""The effect of an attack from one address on other clients."""
