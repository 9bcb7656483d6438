"""Local services that speak the wire of the real ones, for tests."""
