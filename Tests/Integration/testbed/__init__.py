"""The test bed: a private network with real seeders, a tracker and real NFS clients.

One concept a module. Nothing here knows a test; the tests and the benchmarks build on it.
"""
