"""MySQL and MariaDB: addresses, sessions, a pool, transactions with retries, migrations; no business words."""
