"""The benchmarks, one a module, on the test bed of the integration tests."""
