package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/catflap/catflap/appliance/console"
)

// Bounds of the gallery.
const (
	maxPictures     = 24
	maxGalleryChats = 40
	maxGalleryTalk  = 100 // newest messages of each chat
)

// gallery is the page of the media cache.
type gallery struct {
	console.MediaStats
	Failed   int64
	Pictures []picture // the newest
}

// picture is one picture of a chat.
type picture struct {
	console.Medium
	Of   chatRow
	From bubble
}

// Link is where it was said.
func (p picture) Link() string { return p.Of.Link() + "#" + p.From.Key }

func (s *Site) gallery(ctx context.Context) (gallery, error) {
	var g gallery
	if err := s.see(ctx, "media", nil, &g.MediaStats); err != nil {
		return g, err
	}
	for _, n := range g.Failures {
		g.Failed += n
	}
	rows, err := s.chatRows(ctx)
	if err != nil {
		return g, err
	}
	seen := make(map[string]bool)
	for _, row := range rows[:min(len(rows), maxGalleryChats)] {
		talk, err := s.bubbles(ctx, row.Account, row.Chat, "", maxGalleryTalk)
		if err != nil {
			continue
		}
		for _, b := range talk {
			for _, m := range b.Media {
				if m.Type == "image" && m.Key != "" && !seen[m.Key] {
					seen[m.Key] = true
					g.Pictures = append(g.Pictures, picture{m, row, b})
				}
			}
		}
	}
	slices.SortStableFunc(g.Pictures, func(x, y picture) int { return y.From.Time.Compare(x.From.Time) })
	g.Pictures = g.Pictures[:min(len(g.Pictures), maxPictures)]
	return g, nil
}

func (s *Site) mediaPage(w http.ResponseWriter, r *http.Request) {
	g, err := s.gallery(r.Context())
	v := view{Name: "media", Data: g}
	if err != nil {
		s.failed(w, r, v, err)
		return
	}
	s.draw(w, r, http.StatusOK, v)
}

// clearMedia makes room in the cache, or empties it.
func (s *Site) clearMedia(w http.ResponseWriter, r *http.Request) {
	if err := s.ask(r.Context(), http.MethodPost, "media/gc", nil, console.MediaGCRequest{All: r.PostForm.Get("all") != ""}, nil); err != nil {
		g, _ := s.gallery(r.Context())
		s.failed(w, r, view{Name: "media", Data: g}, err)
		return
	}
	s.done(w, r, "/media", "cleaned", url.Values{})
}

// medium serves what the cache has behind a key to who is logged in: pages may load from their own address only.
func (s *Site) medium(w http.ResponseWriter, r *http.Request) {
	if s.Media == nil {
		s.missing(w, r)
		return
	}
	s.Media.ServeHTTP(w, r)
}
