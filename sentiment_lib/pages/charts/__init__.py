"""Charts for Plotly, one module per kind; each also holds its values as a table."""
