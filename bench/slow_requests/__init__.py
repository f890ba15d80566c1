"""The effect of many slow clients on other clients."""
