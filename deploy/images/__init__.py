"""The container images, and how to make them without any container registry."""
