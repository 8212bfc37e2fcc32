"""Steps that score tweets: the champion, and versions in shadow."""
