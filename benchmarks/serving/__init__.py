"""The API: throughput, latency, overload and faults."""
