"""How the engine scales, in the simulated world of core/tests/simulator: `make scale`."""
