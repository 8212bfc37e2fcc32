"""What a model sees of a tweet: masking, normalisation, language."""
