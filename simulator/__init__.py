"""A fleet of simulated node_exporters: for the demo, the tests and the benchmarks."""
