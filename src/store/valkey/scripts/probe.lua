#!lua
-- Writes what a new session writes and deletes it again. Everything that would refuse a new session also
-- refuses this: full memory (because of the first line), a failing disk, missing replicas, a missing
-- permission.
-- KEYS: state, quiz and events of a session that never exists
redis.call('GET', KEYS[1])
redis.call('XADD', KEYS[3], '1-0', 'kind', 'probe')
redis.call('SET', KEYS[1], 'probe', 'PX', 1000)
redis.call('SET', KEYS[2], 'probe', 'PX', 1000)
redis.call('XTRIM', KEYS[3], 'MINID', '1-1')
redis.call('PEXPIRE', KEYS[3], 1000)
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return 1
