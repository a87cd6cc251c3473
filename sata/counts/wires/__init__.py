"""Words on the wires of arrays: lanes that get them and links they pass, and what zeros leave of both."""
