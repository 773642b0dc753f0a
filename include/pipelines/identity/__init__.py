"""Who is who: one person in two units, merged contacts, units that are gone, and links that follow their clients."""
