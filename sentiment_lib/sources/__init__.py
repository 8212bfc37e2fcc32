"""Where tweets come from, behind one protocol."""
