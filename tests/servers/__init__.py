"""Servers that the tests and benchmarks script, on loopback ports of their own."""
