package store

import "go.etcd.io/bbolt"

// Tables of journal.db that version 2 brought: the index of the media cache.
var (
	bucketMedia    = []byte("media")    // key -> what the key stands for (mediacodec.go)
	bucketMediaAge = []byte("mediaage") // unix seconds, key -> nothing: the oldest rows of media leave first
	bucketBlobs    = []byte("blobs")    // SHA-256 -> a file of the cache (mediacodec.go)
	bucketBlobUse  = []byte("blobuse")  // unix seconds of the last use, SHA-256 -> nothing
)

// journalStep2 makes room for the media index.
func journalStep2(tx *bbolt.Tx) error {
	return createAll(tx, bucketMedia, bucketMediaAge, bucketBlobs, bucketBlobUse)
}
