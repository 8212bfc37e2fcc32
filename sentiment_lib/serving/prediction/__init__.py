"""The prediction path of the API: model, micro-batches, ids and highlights."""
