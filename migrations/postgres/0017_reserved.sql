-- The number of a migration that lands beside the next one. It changes nothing.
SELECT 1;
