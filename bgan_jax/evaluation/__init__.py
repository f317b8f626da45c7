"""How good a generator is: exact where the space can be enumerated, stated protocols where it cannot."""
