"""What a scrape costs: this collector, the last release's, and the parser of prometheus_client."""
