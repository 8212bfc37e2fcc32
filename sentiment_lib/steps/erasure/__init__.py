"""Requests to forget, from their arrival to the receipt."""
