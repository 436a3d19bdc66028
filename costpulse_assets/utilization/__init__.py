"""What resources cost and how well they were used: SQL over the collected tables and the bill, in our database."""
