"""A fleet of simulated node_exporters for the demo, tests and benchmarks."""
