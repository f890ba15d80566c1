"""The targets: the nodes to scrape, from files and from DNS names."""
