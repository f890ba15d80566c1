"""The push path beside its peers: the same work, in one run, each server on one core and the load on the other."""
