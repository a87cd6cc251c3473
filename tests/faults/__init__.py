"""Everything that can fail on a disk fails once; everything that can be killed is killed once."""
