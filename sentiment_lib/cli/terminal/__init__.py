"""What commands draw: tables, progress bars, intervals, the login table and decisions."""
