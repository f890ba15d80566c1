"""The push replicas: they follow Redis and push every change to the browsers that are connected to them."""
