"""The product as containers: what stands behind ``make up`` and its like. Needs Docker and Python 3.9."""
