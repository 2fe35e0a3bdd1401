package store

import "go.etcd.io/bbolt"

// Tables of state.db, version 1.
var (
	bucketAccess    = []byte("access")    // account, kind, user -> accessValue (JSON)
	bucketPins      = []byte("pins")      // account -> self id
	bucketGroups    = []byte("groups")    // account -> joined groups, 8 bytes each, sorted
	bucketSettings  = []byte("settings")  // key -> value
	bucketAudit     = []byte("audit")     // number -> AuditEntry (JSON)
	bucketDecisions = []byte("decisions") // "ring" -> the newest decisions at the last Close (JSON)
)

// stateSchema lists the steps of state.db.
func stateSchema() schema {
	return schema{steps: []step{{does: "creates the tables", run: stateStep1}}}
}

// stateStep1 makes an empty state.db.
func stateStep1(tx *bbolt.Tx) error {
	return createAll(tx, bucketMeta, bucketAccess, bucketPins, bucketGroups, bucketSettings, bucketAudit, bucketDecisions)
}
