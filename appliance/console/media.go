package console

import (
	"context"
	"net/http"
)

// MediaStats is what `catflap media stats --json` prints. Sizes are in bytes. What happened is counted since the start, and is
// zero when nothing is running.
type MediaStats struct {
	Items      int64 `json:"items"`       // files
	Bytes      int64 `json:"bytes"`       // their sizes
	Keys       int64 `json:"keys"`        // addresses that are known, whether their media were fetched or not
	QuotaBytes int64 `json:"quota_bytes"` // media.maxTotalMb; 0 when nothing is running
	SpentBytes int64 `json:"spent_bytes"` // written to the disk today (UTC)
	DailyBytes int64 `json:"daily_bytes"` // media.maxDailyMb

	Waiting      int              `json:"waiting"` // fetches
	Hits         int64            `json:"hits"`    // reads that found the medium here
	Misses       int64            `json:"misses"`  // reads that had to fetch it
	Fetched      int64            `json:"fetched"`
	FetchedBytes int64            `json:"fetched_bytes"`
	Uploads      int64            `json:"uploads"`
	ServedBytes  int64            `json:"served_bytes"`
	Evicted      int64            `json:"evicted"`           // files
	Refused      int64            `json:"refused"`           // requests of an address that asked for too much
	Repaired     int64            `json:"repaired"`          // files without a row and rows without a file
	SkippedQueue int64            `json:"skipped_queue"`     // media not fetched when they came: too many waited
	Failures     map[string]int64 `json:"failures"`          // media that could not be had, by reason
	Trouble      string           `json:"trouble,omitempty"` // why the folder cannot be used
	FakeIP       []string         `json:"fake_ip,omitempty"` // networks of fake-IP proxies that the guard has refused
}

// MediaGCRequest is the body of POST media/gc.
type MediaGCRequest struct {
	All bool `json:"all,omitempty"` // everything that nobody reads just now
}

// MediaGCResult says what was removed.
type MediaGCResult struct {
	Items int64 `json:"items"`
	Bytes int64 `json:"bytes"`
}

func (a *API) mediaStats(w http.ResponseWriter, _ *http.Request) error {
	if a.Media == nil {
		t := a.Store.Media().Totals()
		return writeJSON(w, MediaStats{Items: t.Blobs, Bytes: t.Bytes, Keys: t.Rows, Failures: map[string]int64{}})
	}
	stats := a.Media()
	if stats.Failures == nil {
		stats.Failures = map[string]int64{}
	}
	return writeJSON(w, stats)
}

func (a *API) mediaGC(w http.ResponseWriter, r *http.Request) error {
	if a.MediaGC == nil {
		return notRunning()
	}
	var req MediaGCRequest
	if err := readBody(w, r, maxBody, &req); err != nil {
		return err
	}
	result, err := a.MediaGC(context.WithoutCancel(r.Context()), req.All)
	if err != nil {
		return err
	}
	return writeJSON(w, result)
}

func (a *API) mediaUpload(w http.ResponseWriter, r *http.Request) error {
	if a.MediaUpload == nil {
		return notRunning()
	}
	a.MediaUpload(w, r)
	return nil
}
