package store

import "go.etcd.io/bbolt"

// Tables of journal.db, version 1.
var (
	bucketNames   = []byte("names")   // account -> its number in the keys below, 2 bytes
	bucketEvents  = []byte("events")  // seq -> Record (codec.go), append only
	bucketIndex   = []byte("index")   // account number, chat, seq -> message id; written behind events, in groups
	bucketChats   = []byte("chats")   // account number, chat -> chatValue: what the index holds of the chat
	bucketQueue   = []byte("queue")   // seq -> waiting event (codec.go)
	bucketCursors = []byte("cursors") // app 0 account -> seq up to which nothing waits
)

// journalSchema lists the steps of journal.db.
func journalSchema() schema {
	return schema{steps: []step{
		{does: "creates the tables", run: journalStep1},
		{does: "adds the media index", run: journalStep2},
	}}
}

// journalStep1 makes an empty journal.db.
func journalStep1(tx *bbolt.Tx) error {
	return createAll(tx, bucketMeta, bucketNames, bucketEvents, bucketIndex, bucketChats, bucketQueue, bucketCursors)
}
