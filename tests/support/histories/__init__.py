"""Made-up recordings: clean ones, broken ones, and random ones of a service that does everything right."""
