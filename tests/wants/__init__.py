"""Each want of CONTRIBUTING, performed: example files and the test that puts them in place."""
