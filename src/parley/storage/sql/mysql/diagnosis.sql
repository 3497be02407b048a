-- name: session_settings
-- What a session of ours runs with, and what it may fill.
show session variables where variable_name in (
    'tx_isolation', 'transaction_isolation', 'sql_mode', 'read_only', 'super_read_only', 'max_connections'
);

-- name: connections
-- How many connections the server has.
show global status where variable_name = 'Threads_connected';

-- name: server_time
-- The server's clock, in UTC milliseconds.
select cast(unix_timestamp(now(3)) * 1000 as signed);
