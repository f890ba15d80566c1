"""What can be said of the manifests without a cluster: ``python -m deploy.k8s.check``."""
