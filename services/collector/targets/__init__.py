"""The targets: which nodes to scrape, from files and from DNS names."""
