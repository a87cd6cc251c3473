"""Architecture x op x mapping -> the loop nest of every op or fused group, as a graph."""
