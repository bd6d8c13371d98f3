-- Every conversation is on one side, or of somebody who has opted out: three indexes in the order of time hold all of them, and a fourth none that
-- they do not hold.
DROP INDEX conversations_by_time;
