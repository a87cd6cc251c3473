"""The branch and bound itself: beams over partial mappings, groups of ops, other strategies."""
