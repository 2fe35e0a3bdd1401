package media

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), text)
}

// Somebody removes the folder while catflap runs.
func TestFolderVanishes(t *testing.T) {
	for _, gone := range []string{"", tempFolder} {
		t.Run("media/"+gone, func(t *testing.T) {
			var log journal
			q := newQQ(t)
			b := newBox(t, "", func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			first, second := picture(1, 5000), picture(2, 6000)
			key := b.offer(image(q, 1, first))
			b.want(key, first)
			if err := b.index.Flush(context.Background()); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(b.Dir(), gone)); err != nil {
				t.Fatal(err)
			}
			b.want(b.offer(image(q, 2, second)), second)
			b.want(key, first)
			want := 1
			if gone != "" {
				want = 0
			}
			if got := log.count("was removed"); got != want {
				t.Errorf("logged %d times, want %d: %s", got, want, log.text.String())
			}
			agree(t, b.Dir(), b.index)
			if s := b.Stats(); s.Items != 2 || s.Bytes != 11000 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A folder that cannot be used costs the media, not the messages.
func TestFolderThatCannotBeUsed(t *testing.T) {
	tests := []struct {
		name string
		make func(dir string) error
		mend func(dir string) error
	}{
		{"a file in its place", func(dir string) error { return os.WriteFile(dir, []byte("x"), 0o600) }, os.Remove},
		{"a link that leads nowhere", func(dir string) error { return os.Symlink(dir+"-away", dir) }, func(dir string) error { return os.Mkdir(dir+"-away", 0o700) }},
		{"a file in the place of tmp", func(dir string) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, tempFolder), nil, 0o600)
		}, func(dir string) error { return os.Remove(filepath.Join(dir, tempFolder)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log journal
			q := newQQ(t)
			dir := t.TempDir()
			folder := filepath.Join(dir, "media")
			if err := tt.make(folder); err != nil {
				t.Fatal(err)
			}
			b := newBox(t, dir, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			body := picture(1, 5000)
			if _, _, ok := b.Offer(image(q, 1, body)); ok {
				t.Error("a medium was taken")
			}
			for range 2 {
				if _, err := b.Put(context.Background(), bytes.NewReader(body), "a", 1<<20); err == nil {
					t.Error("an upload was taken")
				}
			}
			if got := log.count("level=ERROR"); got != 1 {
				t.Errorf("%d errors are in the log: %s", got, log.text.String())
			}
			if b.Stats().Trouble == "" {
				t.Error("the numbers say nothing of it")
			}
			if err := tt.mend(folder); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Put(context.Background(), bytes.NewReader(body), "a", 1<<20); err != nil {
				t.Errorf("once the folder is good: %v", err)
			}
			if got := b.Stats().Trouble; got != "" {
				t.Errorf("trouble: %s", got)
			}
			b.want(b.offer(image(q, 1, body)), body)
		})
	}
}

// What is not the cache's own in tmp bothers nobody.
func TestForeignFolderInTmp(t *testing.T) {
	q := newQQ(t)
	dir := t.TempDir()
	foreign := filepath.Join(dir, "media", tempFolder, tempPrefix+"mine", "deep")
	if err := os.MkdirAll(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBox(t, dir, nil)
	body := picture(1, 5000)
	b.want(b.offer(image(q, 1, body)), body)
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("it was removed: %v", err)
	}
}

// The same bytes again begin a new age: an upload that was answered is not gone a moment later.
func TestUploadRenewsAge(t *testing.T) {
	b := newBox(t, "", nil)
	body := picture(1, 5000)
	for range 2 {
		info, err := b.Put(context.Background(), bytes.NewReader(body), "a", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.index.Flush(context.Background()); err != nil {
			t.Fatal(err)
		}
		b.pass(23 * time.Hour)
		if _, err := b.GC(context.Background(), false); err != nil {
			t.Fatal(err)
		}
		b.want(info.Key, body)
	}
	if s := b.Stats(); s.Items != 1 || s.Bytes != 5000 {
		t.Errorf("%+v", s)
	}
}
