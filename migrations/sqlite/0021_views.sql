-- Views of the contacts beside those of the Messenger.
ALTER TABLE saved_views ADD COLUMN place TEXT NOT NULL DEFAULT 'messenger';
