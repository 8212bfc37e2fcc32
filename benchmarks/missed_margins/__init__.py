"""How often the gate promotes what misses its aim by exactly the margin, over many looks, and what that costs."""
