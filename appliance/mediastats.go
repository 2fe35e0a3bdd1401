package appliance

import (
	"context"
	"maps"
	"slices"

	"github.com/catflap/catflap/appliance/console"
	"github.com/catflap/catflap/appliance/metrics"
)

// mediaStats is what the media cache holds and did.
func (a *Appliance) mediaStats() console.MediaStats {
	if a.media.cache == nil {
		return console.MediaStats{}
	}
	s := a.media.cache.Stats()
	return console.MediaStats{
		Items: s.Items, Bytes: s.Bytes, Keys: s.Keys, QuotaBytes: s.Quota, SpentBytes: s.Spent, DailyBytes: s.Daily, Waiting: s.Waiting,
		Hits: s.Hits, Misses: s.Misses, Fetched: s.Fetched, FetchedBytes: s.FetchedBytes, Uploads: s.Uploads, ServedBytes: s.ServedBytes,
		Evicted: s.Evicted, Refused: s.Refused, Repaired: s.Repaired, SkippedQueue: s.Skipped, Failures: s.Failures, Trouble: s.Trouble, FakeIP: s.FakeIP,
	}
}

// mediaGC makes room in the media cache.
func (a *Appliance) mediaGC(ctx context.Context, all bool) (console.MediaGCResult, error) {
	removed, err := a.media.cache.GC(ctx, all)
	return console.MediaGCResult{Items: removed.Items, Bytes: removed.Bytes}, err
}

func measureMedia(p *metrics.Page, s console.MediaStats) {
	p.Gauge("catflap_media_bytes", "Bytes that the media cache holds.").Set(float64(s.Bytes))
	p.Gauge("catflap_media_items", "Files that the media cache holds.").Set(float64(s.Items))
	p.Gauge("catflap_media_limit_bytes", "media.maxTotalMb of the configuration.").Set(float64(s.QuotaBytes))
	p.Gauge("catflap_media_waiting", "Media that are being fetched or wait for it.").Set(float64(s.Waiting))
	p.Counter("catflap_media_hits_total", "Reads that found the medium in the cache.").Set(float64(s.Hits))
	p.Counter("catflap_media_misses_total", "Reads that had to fetch the medium first.").Set(float64(s.Misses))
	p.Counter("catflap_media_fetched_total", "Media that were fetched.").Set(float64(s.Fetched))
	p.Counter("catflap_media_fetched_bytes_total", "Bytes of media that were fetched.").Set(float64(s.FetchedBytes))
	p.Counter("catflap_media_served_bytes_total", "Bytes of media that were sent to readers.").Set(float64(s.ServedBytes))
	p.Counter("catflap_media_uploads_total", "Media that apps uploaded.").Set(float64(s.Uploads))
	p.Counter("catflap_media_evicted_total", "Files that left the cache for quota or age.").Set(float64(s.Evicted))
	p.Counter("catflap_media_refused_total", "Requests above the bounds of one address.").Set(float64(s.Refused))
	p.Counter("catflap_media_skipped_total", "Media that were not fetched when they came because too many waited.").Set(float64(s.SkippedQueue))
	failures := p.Counter("catflap_media_failures_total", "Media that could not be had, by reason.")
	for _, reason := range slices.Sorted(maps.Keys(s.Failures)) {
		failures.Set(float64(s.Failures[reason]), "reason", reason)
	}
}
