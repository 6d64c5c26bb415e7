import GRDB

/// The tables, as numbered migrations.
///
/// One that was released is never edited: a change is a new one.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE torrent (
                        info_hash BLOB NOT NULL PRIMARY KEY,
                        info BLOB NOT NULL,
                        tracker_tiers TEXT NOT NULL, -- JSON: an array of arrays of URLs
                        creation_date INTEGER,       -- seconds since 1970
                        added_time INTEGER NOT NULL  -- seconds since 1970; written once
                    );
                    -- Verified pieces, 4096 to a page, the first in the highest bit.
                    CREATE TABLE piece_page (
                        info_hash BLOB NOT NULL,
                        page INTEGER NOT NULL,
                        bits BLOB NOT NULL,
                        PRIMARY KEY (info_hash, page)
                    ) WITHOUT ROWID;
                    CREATE TABLE setting (
                        key TEXT NOT NULL PRIMARY KEY,
                        value BLOB NOT NULL
                    ) WITHOUT ROWID;
                    """
            )
        }
        registerRoutes(in: &migrator)
        registerMagnets(in: &migrator)
        registerFolders(in: &migrator)
        registerWebSeeds(in: &migrator)
        registerRegistrations(in: &migrator)
        registerVersion2(in: &migrator)
        registerCacheUse(in: &migrator)
        registerRouteCookies(in: &migrator)
        registerPinnedFiles(in: &migrator)
        return migrator
    }

    private static func registerWebSeeds(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("web seeds") { database in
            try database.execute(
                sql: """
                    -- JSON: an array of objects with the keys url and style
                    ALTER TABLE torrent ADD COLUMN web_seeds TEXT NOT NULL DEFAULT '[]';
                    """
            )
        }
    }
}
