"""Charts for Plotly, one module a kind; each also holds its values as a table."""
