"""What the gate sees: each mapped column of the CRM, corrupted in each plausible way, and the rules that find it."""
